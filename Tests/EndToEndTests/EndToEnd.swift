import Testing

/// The gateway as its users meet it: a real `jodrell serve`, real sockets, a real disk. One test
/// after the other, so that what they measure and kill is their own.
@Suite(.serialized) struct EndToEnd {}
