print("jodrell-bench")
