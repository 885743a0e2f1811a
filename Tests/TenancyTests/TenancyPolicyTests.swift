import Bytes
import Settings
import Tenancy
import TestSupport
import Testing

/// What compiling this text says: a fault's text, or `accepted`.
private func verdict(_ text: String) -> String {
  do throws(SettingsFault) {
    let settings = try gateway(text)
    _ = try TenancyPolicy.compile(settings, generation: 1)
    _ = try PolicyTest.compile(settings)
    return "accepted"
  } catch {
    return error.text
  }
}

/// One mapping on line 3 with these fields after its id.
private func mapping(_ fields: String) -> String {
  """
  issuers: [{id: i}]
  tenants: {acme: }
  mappings: [{id: m, \(fields)}]
  """
}

private let sound = "issuer: i, when: {/sub: {eq: x}}, tenant: acme, principal: p"

@Suite struct TenancyPolicyTests {
  @Test func `a policy knows its tenants`() throws {
    let policy = try policy("    []\n")
    #expect(policy.tenantNames.map(\.text) == ["007", "acme", "globex"])
    #expect(policy.tenant(try name("globex"))?.requireSchema == true)
    #expect(policy.tenant(try name("public")) == nil)
    #expect(policy.generation == 7)
  }

  @Test(arguments: [
    ("tenants: {\"a b\": {}}", "j.yaml:1:18: \(Name.rule) in tenants.\"a b\""),
    ("tenants: {acme: {limit: 1}}", "j.yaml:1:18: unknown key 'limit' in tenants.acme"),
    ("tenants: {acme: {limits: {}}}", "accepted"),
    ("tenants: {acme: {limits: }}", "accepted"),
    (
      "tenants:\n  acme:\n    limits: {publishRate: 20000}",
      "j.yaml:3:27: expected a text, found an integer (quote it if it is a text) "
        + "in tenants.acme.limits.publishRate"
    ),
    (
      "tenants: {acme: {limits: {publishRate: 5/w}}}",
      "j.yaml:1:40: not a rate such as 20000/s, per s, m, h or d in tenants.acme.limits.publishRate"
    ),
    (
      "tenants: {acme: {limits: {streems: 1}}}",
      "j.yaml:1:27: unknown key 'streems' in tenants.acme.limits"
    ),
    (
      "tenants: {acme: {requireSchema: yes}}",
      "j.yaml:1:33: expected true or false, found the text 'yes' in tenants.acme.requireSchema"
    ),
    (
      "tenants: {acme: {namespaceDefaults: {compatibilityPolicy: loose}}}",
      "j.yaml:1:59: 'loose' is neither evolution nor strict "
        + "in tenants.acme.namespaceDefaults.compatibilityPolicy"
    ),
    (
      "tenants: {acme: {namespaceDefaults: {compatibility: none}}}",
      "j.yaml:1:53: 'none' is none of NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, "
        + "FORWARD_TRANSITIVE, FULL, FULL_TRANSITIVE, ALWAYS_INCOMPATIBLE, ALWAYS_COMPATIBLE "
        + "in tenants.acme.namespaceDefaults.compatibility"
    ),
    (
      "tenants: {acme: {namespaceDefaults: {ttl: 1d}}}",
      "j.yaml:1:38: 'ttl' (time to live of events) is not supported yet "
        + "in tenants.acme.namespaceDefaults"
    ),
    (
      "tenants: {acme: {namespaceDefaults: {retention: {bytes: much}}}}",
      "j.yaml:1:57: not a size such as 200GiB "
        + "in tenants.acme.namespaceDefaults.retention.bytes"
    ),
    (
      "tenants: {acme: {limits: {perNamespace: {}}, namespaceDefaults: {limits: {}}}}",
      "j.yaml:1:74: limits.perNamespace of the tenant says the same: give one "
        + "in tenants.acme.namespaceDefaults.limits"
    ),
    ("tenants: {acme: {}, acme: {}}", "j.yaml:1:21: the key 'acme' stands twice in tenants"),
  ])
  func `a fault of a tenant has its place`(text: String, expected: String) {
    #expect(verdict(text) == expected)
  }

  @Test func `a tenant's defaults reach its namespaces`() throws {
    let settings = try gateway(
      """
      tenants:
        a: {autoCreate: false}
        b: {autoCreate: false, namespaceDefaults: {autoCreate: true, requireSchema: true}}
        c: {namespaceDefaults: {compatibility: ALWAYS_COMPATIBLE, compatibilityPolicy: strict}}
        d: {namespaceDefaults: {compatibility: FULL_TRANSITIVE}}
      """)
    let policy = try TenancyPolicy.compile(settings, generation: 1)
    #expect(policy.tenant(try name("a"))?.defaults.autoCreate == false)
    let second = try #require(policy.tenant(try name("b")))
    #expect(second.defaults.autoCreate && second.defaults.requireSchema && !second.requireSchema)
    let third = try #require(policy.tenant(try name("c")))
    #expect(third.defaults.compatibility == TenantPolicy.Compatibility.none)
    #expect(third.defaults.evolution == .strict)
    let fourth = try #require(policy.tenant(try name("d")))
    #expect(fourth.defaults.compatibility == .fullTransitive)
    #expect(fourth.defaults.evolution == .evolution)
    #expect(fourth.defaults.retention == nil && policy.retentions.isEmpty)
  }

  @Test func `how long a tenant's events are kept is read with its units`() throws {
    let policy = try TenancyPolicy.compile(
      try gateway(
        """
        tenants:
          a: {namespaceDefaults: {retention: {age: 7d, bytes: 10GiB}}}
          b: {namespaceDefaults: {retention: {bytes: 0B}}}
          c: {namespaceDefaults: {retention: {}}}
          d: {namespaceDefaults: {autoCreate: false}}
        """), generation: 1)
    let kept = policy.retentions
    let both = try #require(kept[name("a")])
    #expect(both.age == .seconds(7 * 86_400) && both.bytes == 10 << 30)
    let none = try #require(kept[name("b")])
    #expect(none.age == nil && none.bytes == 0)
    let all = try #require(kept[name("c")])
    #expect(all.age == nil && all.bytes == nil)
    #expect(kept.count == 3)
  }

  @Test(arguments: [
    ("\(sound), allow: [{publish: [\"a/*\"]}]", "accepted"),
    ("\(sound), deny: [{publish: [\"a/*\"]}]", "accepted"),
    (sound, "j.yaml:3:12: a mapping allows or denies something in mappings[0]"),
    (
      "\(sound), allow: []",
      "j.yaml:3:12: a mapping allows or denies something in mappings[0]"
    ),
    (
      "\(sound), allow: [{}]",
      "j.yaml:3:90: a grant names publish, subscribe, manage or admin in mappings[0].allow[0]"
    ),
    (
      "\(sound), allow: [{publish: []}]",
      "j.yaml:3:100: the list is empty in mappings[0].allow[0].publish"
    ),
    (
      "\(sound), allow: [{write: [\"a/*\"]}]",
      "j.yaml:3:91: unknown key 'write' in mappings[0].allow[0]"
    ),
    (
      "\(sound), allow: [{publish: [\"a/*\"], classes: [pii]}]",
      "j.yaml:3:118: 'classes' is for an allowed 'subscribe' alone in mappings[0].allow[0].classes"
    ),
    (
      "\(sound), allow: [{publish: [\"a\"]}]",
      "j.yaml:3:101: 'a' is not a pattern namespace/topic with * as a whole part or at its end "
        + "in mappings[0].allow[0].publish[0]"
    ),
    (
      "\(sound), allow: [{publish: [\"./a\"]}]",
      "j.yaml:3:101: './' needs a mapping with a namespace in mappings[0].allow[0].publish[0]"
    ),
    (
      "\(sound), allow: [{admin: [\"a/*\"]}]",
      "j.yaml:3:99: admin is of the whole tenant: write \"*/*\" "
        + "in mappings[0].allow[0].admin[0]"
    ),
    (
      "\(sound), select: body, allow: [{publish: [\"a/*\"]}]",
      "j.yaml:3:90: a tenant is selected by 'path' or by 'header' in mappings[0].select"
    ),
    (
      "\(sound), tenantMap: {claim: /o, values: {a: acme}}, allow: [{publish: [\"a/*\"]}]",
      "j.yaml:3:62: a mapping has 'tenant' or 'tenantMap', not both in mappings[0].tenant"
    ),
    (
      "issuer: i, when: {/sub: {eq: x}}, tenantMap: {claim: o, values: {a: acme}}, principal: p",
      "j.yaml:3:73: not a JSON pointer such as /org_id in mappings[0].tenantMap.claim"
    ),
    (
      "issuer: i, when: {/sub: {eq: x}}, tenantMap: {claim: /o, values: {}}, principal: p",
      "j.yaml:3:85: the table is empty in mappings[0].tenantMap.values"
    ),
    (
      "issuer: i, when: {/sub: {eq: x}}, tenantMap: {claim: /o, values: {a: acme, b: nobody}}, "
        + "principal: p, allow: [{publish: [a/b]}]",
      "j.yaml:3:12: the tenant 'nobody' is not declared in mappings[0]"
    ),
    (
      "\(sound), alow: []",
      "j.yaml:3:82: unknown key 'alow' in mappings[0]"
    ),
    (
      "issuer: x, when: {/sub: {eq: x}}, tenant: acme, principal: p, allow: [{publish: [a/b]}]",
      "j.yaml:3:12: the issuer 'x' is not declared in mappings[0]"
    ),
    (
      "issuer: i, when: {/sub: {eq: x}}, tenant: globex, principal: p, allow: [{publish: [a/b]}]",
      "j.yaml:3:12: the tenant 'globex' is not declared in mappings[0]"
    ),
    (
      "issuer: i, when: {/sub: {eq: x}}, tenant: \"a*\", principal: p",
      "j.yaml:3:62: \(Name.rule) in mappings[0].tenant"
    ),
    (
      "issuer: i, when: {/sub: {eq: x}}, tenant: \"{sub}\", principal: p",
      "j.yaml:3:62: '{sub}' does not hold a JSON pointer such as {/sub} in mappings[0].tenant"
    ),
    (
      "issuer: i, when: {/sub: {eq: x}}, tenant: acme, principal: \"a{/b\"",
      "j.yaml:3:79: a '{' without its '}' in mappings[0].principal"
    ),
    (
      "issuer: i, when: {/sub: {eq: x}}, tenant: acme, principal: \"a}\"",
      "j.yaml:3:79: a '}' without its '{' in mappings[0].principal"
    ),
    (
      "issuer: i, when: {/sub: {eq: x}}, tenant: acme, principal: \"\"",
      "j.yaml:3:79: the text is empty or longer than 1024 bytes in mappings[0].principal"
    ),
    (
      "issuer: i, when: {/sub: {eq: x}}, tenant: acme, principal: \"a\\n\"",
      "j.yaml:3:79: the text holds control characters in mappings[0].principal"
    ),
    (
      "issuer: i, when: {/sub: {like: x}}, tenant: acme, principal: p",
      "j.yaml:3:45: unknown key 'like' in mappings[0].when.\"/sub\""
    ),
    ("issuer: i, tenant: acme", "j.yaml:3:12: the key 'when' is missing in mappings[0]"),
  ])
  func `a fault of a mapping has its place`(fields: String, expected: String) {
    #expect(verdict(mapping(fields)) == expected)
  }

  @Test func `ids of mappings are names and differ`() {
    let allow = "allow: [{publish: [a/b]}]"
    let twice = mapping("\(sound), \(allow)}, {id: m, \(sound), \(allow)")
    #expect(verdict(twice).contains("a second mapping with the id 'm' in mappings[1]"))
    #expect(verdict(mapping(allow).replacing("id: m", with: "id: ''")).contains(Name.rule))
  }
}

@Suite struct PolicyTestTests {
  private let mappings = """
      - {id: m, issuer: test, when: {"/role": {eq: writer}}, tenant: acme, principal: "p:{/n}",
         namespace: orders, allow: [{publish: ["./*"]}]}
      - {id: n, issuer: test, when: {"/both": {eq: true}}, tenant: globex, principal: p,
         allow: [{publish: ["a/*"]}]}
    tests:

    """

  private func failures(_ test: String) throws -> [String?] {
    let settings = try gateway(declarations + "mappings:\n" + mappings + test)
    let policy = try TenancyPolicy.compile(settings, generation: 1)
    return try PolicyTest.compile(settings).map { $0.failure(on: policy, at: TestIssuer.now) }
  }

  @Test(arguments: [
    ("claims: {}, expect: {status: 403, code: no_tenant}", nil),
    ("claims: {role: writer}, expect: {status: 403, code: no_tenant}", nil),
    ("claims: {role: writer, n: 1}, expect: {status: 200, tenant: acme, principal: 'p:1'}", nil),
    ("claims: {role: writer, n: 1}, expect: {status: 201, namespace: orders}", nil),
    ("claims: {role: writer, n: 1}, request: {publish: ~/x}, expect: {status: 201}", nil),
    ("claims: {role: writer, n: 1}, request: {publish: orders/x}, expect: {status: 201}", nil),
    (
      "claims: {role: writer, n: 1}, request: {subscribe: orders/x}, "
        + "expect: {status: 403, code: forbidden}", nil
    ),
    (
      "claims: {role: writer, n: 1}, request: {tenant: globex, publish: orders/x}, "
        + "expect: {status: 404, code: not_found}", nil
    ),
    (
      "claims: {role: writer, n: 1, both: true}, expect: {status: 403, code: ambiguous_tenant}",
      nil
    ),
    (
      "claims: {role: writer, n: 1, both: true}, request: {tenant: globex, publish: a/x}, "
        + "expect: {status: 201, tenant: globex}", nil
    ),
    (
      "claims: {both: true}, request: {publish: ~/x}, expect: {status: 403, code: no_namespace}",
      nil
    ),
    ("claims: {}, expect: {status: 200}", "expected status 200, got 403 no_tenant"),
    (
      "claims: {both: true}, expect: {status: 403}", "expected status 403, got 200"
    ),
    (
      "claims: {}, expect: {status: 403, code: forbidden}",
      "expected code 'forbidden', got 'no_tenant'"
    ),
    (
      "claims: {both: true}, expect: {status: 200, service: s}", "expected service 's', got none"
    ),
  ])
  func `a test compares what the mappings answer`(fields: String, failure: String?) throws {
    #expect(try failures("  - {name: t, issuer: test, \(fields)}") == [failure])
  }

  @Test(arguments: [
    ("issuer: i, claims: {}, expect: {status: 403}", "the key 'name' is missing in tests[0]"),
    ("name: t, issuer: x, claims: {}, expect: {status: 403}", "the issuer 'x' is not declared"),
    ("name: t, issuer: i, claims: [], expect: {status: 403}", "expected a mapping, found a list"),
    ("name: t, issuer: i, claims: {}", "the key 'expect' is missing"),
    ("name: t, issuer: i, claims: {}, expect: {status: 401}", "a policy answers"),
    ("name: t, issuer: i, claims: {}, expect: {status: 403, body: x}", "unknown key 'body'"),
    (
      "name: t, issuer: i, claims: {}, request: {}, expect: {status: 403}",
      "a request names an action"
    ),
    (
      "name: t, issuer: i, claims: {}, request: {publish: a/b, manage: a/b}, expect: {status: 403}",
      "a request does one action"
    ),
    (
      "name: t, issuer: i, claims: {}, request: {publish: \"a/*\"}, expect: {status: 403}",
      "not a topic such as"
    ),
    (
      "name: t, issuer: i, claims: {}, request: {read: a/b}, expect: {status: 403}",
      "unknown key 'read'"
    ),
  ])
  func `a test that cannot be read is a fault`(fields: String, expected: String) {
    let text = verdict("issuers: [{id: i}]\ntests: [{\(fields)}]")
    #expect(text.contains(expected), "\(text)")
    #expect(text.hasPrefix("j.yaml:2:"))
  }
}
