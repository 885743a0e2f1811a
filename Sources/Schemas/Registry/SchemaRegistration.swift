public import Bytes

/// The registry's rules: pure, told what is in force, saying what a registration comes to.
public enum SchemaRegistration {
  /// Whether a topic takes a schema that differs from the one in force.
  public enum ChangePolicy: Sendable {
    /// Compatibility `NONE`.
    case anyChange
    /// Every other policy. Until the compatibility checker exists, none of them lets a change pass.
    case compatibleOnly
  }

  public enum Outcome: Equatable, Sendable {
    /// Register as the version after this one; 0 where the topic has none in force.
    case register(after: UInt32)
    /// The same schema is in force already, as this version.
    case identical(version: UInt32)
    /// Refused, 409.
    case incompatible([Incompatibility])
  }

  /// Decides about a candidate.
  ///
  /// - Parameters:
  ///   - fingerprint: the candidate's, from `CompiledSchema.fingerprint`.
  ///   - inForce: version and fingerprint of the schema in force, nil where there is none.
  public static func decide(
    fingerprint: ByteSlice, inForce: (version: UInt32, fingerprint: ByteSlice)?,
    policy: ChangePolicy
  ) -> Outcome {
    guard let inForce else { return .register(after: 0) }
    if inForce.fingerprint == fingerprint { return .identical(version: inForce.version) }
    switch policy {
    case .anyChange: return .register(after: inForce.version)
    case .compatibleOnly:
      return .incompatible([
        Incompatibility(
          pointer: "#", rule: "changed",
          message: "differs from version \(inForce.version); a changed schema is taken only where "
            + "the compatibility policy is NONE")
      ])
    }
  }
}

/// One reason why a schema may not follow another.
public struct Incompatibility: Equatable, Sendable {
  /// Where in the candidate, as `#/properties/id`.
  public let pointer: String
  /// Stable across releases.
  public let rule: String
  public let message: String
}
