import Bytes

/// Status lines of our answers, phrases from RFC 9110 §15, RFC 6585 and RFC 4918.
enum StatusLine {
  static func write(_ status: Int, into bytes: inout ByteWriter) {
    switch status {
    case 200: bytes.append("HTTP/1.1 200 OK\r\n")
    case 201: bytes.append("HTTP/1.1 201 Created\r\n")
    case 202: bytes.append("HTTP/1.1 202 Accepted\r\n")
    case 204: bytes.append("HTTP/1.1 204 No Content\r\n")
    default:
      bytes.append("HTTP/1.1 ")
      bytes.append(decimal: status)
      bytes.append(ASCII.space)
      bytes.append(phrase(status))
      bytes.append("\r\n")
    }
  }

  static func phrase(_ status: Int) -> StaticString {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 207: "Multi-Status"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 424: "Failed Dependency"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Unnamed"
    }
  }
}
