import Bytes

enum OpenAPIDocument { static let text = ByteSlice(utf8: "{}") }
