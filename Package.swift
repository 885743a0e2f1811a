// swift-tools-version: 6.3
import PackageDescription

/// Every room builds with these: data races, implicit existentials, leaking imports and unmarked
/// pointer use are errors, not warnings.
let house: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableExperimentalFeature("Lifetimes"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
  // Overlapping access to a class's variables is checked at run time in debug builds, where the
  // tests run; the checks are 5 % of a publish's instructions.
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

func room(_ name: String, _ imports: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: imports, path: "Sources/\(name)", swiftSettings: house)
}

func foreign(_ name: String, pkgConfig: String? = nil) -> Target {
  .systemLibrary(name: name, path: "Sources/Foreign/\(name)", pkgConfig: pkgConfig)
}

func tests(_ name: String, _ imports: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: imports + ["TestSupport"], path: "Tests/\(name)Tests",
    swiftSettings: house)
}

// Targets stand in the order in which an event walks through them; Sources/README.md is the tour.
let package = Package(
  name: "jodrell",
  products: [
    .executable(name: "jodrell", targets: ["jodrell"]),
    .executable(name: "jodrell-bench", targets: ["jodrell-bench"]),
  ],
  targets: [
    room("Network", ["HTTPWire", "Crypto", "Bytes", "Metrics", "CLinux"]),
    room("HTTPWire", ["Bytes", "CNGHTTP2"]),
    room(
      "Gateway",
      [
        "Bytes", "JSONText", "HTTPWire", "Events", "Authentication", "Tenancy", "Schemas", "Topics",
        "Subscriptions", "Delivery", "Crypto", "Metrics",
      ]),
    room("Authentication", ["Bytes", "JSONText", "Crypto", "Settings"]),
    room(
      "Fetching",
      ["Authentication", "Settings", "JSONText", "Bytes", "Crypto", "Metrics", "CCurl"]),
    room("Tenancy", ["Bytes", "JSONText", "Authentication", "Settings"]),
    room("Events", ["Bytes", "JSONText"]),
    room("Schemas", ["Bytes", "JSONText", "Events", "Tenancy", "CPCRE2", "CIDN2"]),
    room("Topics", ["Bytes", "Events", "Tenancy", "Schemas"]),
    room("Subscriptions", ["Bytes", "Topics"]),
    room(
      "RocksStore",
      [
        "Topics", "Subscriptions", "Tenancy", "Schemas", "Events", "Bytes", "Crypto", "Metrics",
        "CRocksDB", "CTables", "CWriteAhead",
      ]),
    room(
      "Delivery",
      ["Subscriptions", "Topics", "Tenancy", "Events", "HTTPWire", "Bytes", "Metrics"]),
    room("Settings", ["Bytes", "JSONText", "CYAML"]),
    room("JSONText", ["Bytes"]),
    room("Bytes", ["CISAL"]),
    room("Crypto", ["Bytes", "COpenSSL"]),
    room("Metrics", ["Bytes"]),
    room("Client", ["Network", "HTTPWire", "JSONText", "Bytes", "Crypto"]),
    .executableTarget(
      name: "jodrell",
      dependencies: [
        "Network", "HTTPWire", "Gateway", "Authentication", "Fetching", "Tenancy", "Events",
        "Schemas", "Topics", "Subscriptions", "RocksStore", "Delivery", "Settings", "JSONText",
        "Bytes",
        "Crypto", "Metrics", "Client",
      ],
      path: "Sources/jodrell", swiftSettings: house),
    .executableTarget(
      name: "jodrell-bench",
      dependencies: ["Client", "JSONText", "Bytes", "Metrics"],
      path: "bench/jodrell-bench", swiftSettings: house),

    foreign("CLinux"),
    foreign("CCurl", pkgConfig: "libcurl"),
    foreign("CNGHTTP2", pkgConfig: "libnghttp2"),
    foreign("COpenSSL", pkgConfig: "openssl"),
    foreign("CPCRE2", pkgConfig: "libpcre2-8"),
    foreign("CRocksDB", pkgConfig: "rocksdb"),
    foreign("CYAML", pkgConfig: "yaml-0.1"),
    foreign("CIDN2", pkgConfig: "libidn2"),
    foreign("CISAL", pkgConfig: "libisal"),
    .target(name: "CTables", dependencies: ["CRocksDB"], path: "Sources/Foreign/CTables"),
    .target(
      name: "CWriteAhead", dependencies: ["CRocksDB", "CISAL"], path: "Sources/Foreign/CWriteAhead"),

    .target(
      name: "TestSupport",
      dependencies: ["Bytes", "JSONText", "Crypto", "Authentication", "Tenancy", "Settings"],
      path: "Tests/TestSupport", swiftSettings: house),
    .target(
      name: "LogConformance",
      dependencies: [
        "TestSupport", "Topics", "Subscriptions", "Schemas", "Events", "Tenancy", "Authentication",
        "Settings", "JSONText", "Bytes",
      ],
      path: "Tests/LogConformance", swiftSettings: house),
    .executableTarget(
      name: "jodrell-crash-states",
      dependencies: [
        "TestSupport", "LogConformance", "RocksStore", "Subscriptions", "Topics", "Schemas",
        "Events", "Tenancy", "Bytes",
      ],
      path: "Tests/CrashStates", exclude: ["record.c"], swiftSettings: house),
    .executableTarget(
      name: "jodrell-schema-driver", dependencies: ["Schemas", "JSONText", "Bytes"],
      path: "Tests/Differential", exclude: ["differential.py", "adversaries.py"],
      swiftSettings: house),
    .executableTarget(
      name: "jodrell-token-driver",
      dependencies: ["TestSupport", "Authentication", "Crypto", "JSONText", "Bytes"],
      path: "Tests/TokenDriver", swiftSettings: house),
    tests("Bytes", ["Bytes"]),
    tests("JSONText", ["JSONText", "Bytes"]),
    tests("HTTPWire", ["HTTPWire", "Bytes"]),
    tests("Network", ["Network", "HTTPWire", "Crypto", "Bytes"]),
    tests("Crypto", ["Crypto", "Bytes"]),
    tests("Metrics", ["Metrics", "Bytes"]),
    tests("Settings", ["Settings", "JSONText", "Bytes"]),
    tests("Authentication", ["Authentication", "Settings", "Crypto", "JSONText", "Bytes"]),
    tests(
      "Fetching",
      ["Fetching", "Authentication", "Settings", "Metrics", "Crypto", "JSONText", "Bytes"]),
    tests(
      "Tenancy",
      ["Tenancy", "Schemas", "Authentication", "Settings", "Crypto", "JSONText", "Bytes"]),
    tests("Events", ["Events", "JSONText", "Bytes"]),
    tests(
      "Schemas",
      ["Schemas", "Events", "Tenancy", "Authentication", "Settings", "JSONText", "Bytes"]),
    tests(
      "Topics",
      [
        "LogConformance", "Topics", "Schemas", "Events", "Tenancy", "Authentication", "Settings",
        "JSONText", "Bytes",
      ]),
    tests("Subscriptions", ["Subscriptions", "Topics", "Bytes"]),
    tests(
      "RocksStore",
      [
        "LogConformance", "RocksStore", "Subscriptions", "Topics", "Schemas", "Events", "Tenancy",
        "Authentication", "Settings", "Metrics", "Crypto", "JSONText", "Bytes",
      ]),
    tests(
      "Delivery",
      [
        "LogConformance", "Delivery", "Subscriptions", "Topics", "Schemas", "Events", "Tenancy",
        "Authentication", "Settings", "HTTPWire", "Metrics", "JSONText", "Bytes",
      ]),
    tests(
      "Gateway",
      [
        "Gateway", "Delivery", "Subscriptions", "Topics", "Schemas", "Events", "Tenancy",
        "Authentication", "Settings", "HTTPWire", "Metrics", "Crypto", "JSONText", "Bytes",
      ]),
    tests("Client", ["Client", "Network", "HTTPWire", "Bytes"]),
    tests(
      "Bench",
      ["jodrell-bench", "Client", "Network", "HTTPWire", "Metrics", "JSONText", "Bytes"]),
    tests(
      "Command",
      ["jodrell", "Gateway", "RocksStore", "Authentication", "Settings", "Metrics", "Bytes"]),
    tests("Architecture", []),
    tests(
      "EndToEnd",
      ["Client", "Network", "HTTPWire", "Authentication", "Crypto", "JSONText", "Bytes"]),
  ],
  cxxLanguageStandard: .cxx17
)

// All others walk through these byte by byte: without optimisation the tests would spend most of
// their time there.
for target in package.targets where ["Bytes", "JSONText"].contains(target.name) {
  target.swiftSettings?.append(.unsafeFlags(["-O"], .when(configuration: .debug)))
}

// libFuzzer brings flags that only a build for it may have: `make fuzz`.
if Context.environment["JODRELL_FUZZ"] == "1" {
  package.targets.append(
    .executableTarget(
      name: "jodrell-fuzz",
      dependencies: [
        "TestSupport", "RocksStore", "Client", "HTTPWire", "Authentication", "Tenancy", "Settings",
        "Topics", "Events", "Schemas", "Crypto", "JSONText", "Bytes",
      ],
      path: "Tests/Fuzz", exclude: ["corpus"], swiftSettings: house))
}

// The sanitizers run the tests of some rooms, and build only these and what they need: `make asan`,
// `make tsan`.
if let rooms = Context.environment["JODRELL_TEST_ROOMS"] {
  var needed: Set<String> = []
  var found = rooms.split(separator: " ").map { "\($0)Tests" }
  while let name = found.popLast() {
    guard needed.insert(name).inserted,
      let target = package.targets.first(where: { $0.name == name })
    else { continue }
    for case .byNameItem(let name, _) in target.dependencies { found.append(name) }
  }
  package.products = []
  package.targets.removeAll { !needed.contains($0.name) }
}

// The tests under the address sanitizer and the fuzz targets share one build, `make asan` and `make
// fuzz`: libFuzzer wants what it runs optimised, and counted.
if Context.environment["JODRELL_COUNTED"] == "1" {
  for target in package.targets
  where target.path?.hasPrefix("Sources/") == true && target.swiftSettings != nil
    || target.name == "jodrell-fuzz"
  {
    target.swiftSettings?.append(
      .unsafeFlags([
        "-O", "-sanitize-coverage=edge,trace-cmp,inline-8bit-counters,pc-table",
      ]))
  }
}
