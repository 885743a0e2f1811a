print("jodrell")
