import assert from "node:assert/strict";
import test from "node:test";
import type { Spec } from "#model/spec";
import { fixture, HEAD, read, type Variables } from "./support.ts";

function specOf(name: string, variables: Variables = {}): Spec {
  const { spec, diagnostics } = read(fixture(name), variables, `${name}.yaml`);
  assert.deepEqual(diagnostics, []);
  assert.ok(spec);
  return spec;
}

const literal = (value: string): object => ({ kind: "literal", value });

test("a minimal file gets every default", () => {
  assert.deepEqual(specOf("minimal"), {
    name: "minimal",
    rootfs: { kind: "path", path: "../rootfs" },
    lowers: [],
    overlay: { upper: { kind: "disk" }, options: {} },
    volumes: [],
    tmpfs: [],
    limits: {},
    entry: {
      env: {},
      workdir: "/",
      hostname: "minimal",
      network: "none",
      init: false,
      capabilities: { drop: [], add: [] },
    },
  });
});

test("a file with every field", () => {
  assert.deepEqual(specOf("full", { A: "from outside" }), {
    name: "full",
    rootfs: { kind: "dir", path: "../rootfs" },
    lowers: [
      { kind: "path", path: "../layers/tools" },
      {
        kind: "archive",
        path: "../layers/node.tar.zst",
        sha256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
      },
    ],
    overlay: {
      upper: { kind: "tmpfs", size: 512n << 20n },
      options: { index: "off", metacopy: "off", redirect_dir: "off", xino: "auto", volatile: false },
    },
    volumes: [
      { source: "../src", target: "/work", access: "ro", recursive: false, options: ["nosuid", "nodev"] },
      {
        source: "../cache",
        target: "/var/cache/app",
        access: "rw",
        recursive: false,
        options: ["nosuid", "nodev"],
        owner: "caller",
      },
    ],
    tmpfs: [{ target: "/tmp", size: 64n << 20n, mode: 0o1777 }],
    limits: {
      memory: 256n << 20n,
      swap: 0n,
      cpuset: "0-1",
      cpuset_mems: "0",
      cpus: 1.5,
      cpu_shares: 512,
      pids: 128,
    },
    entry: {
      command: ["make", "test"],
      env: {
        CI: literal("1"),
        V: literal("1.20"),
        O: literal("010"),
        Y: literal("yes"),
        N: { kind: "passthrough" },
        NN: literal("~"),
        T: { kind: "variable", value: "from outside" },
        "A_B.c-d": literal("-5"),
      },
      workdir: "/work",
      user: "1000:1000",
      hostname: "web.tests",
      network: "none",
      init: true,
      capabilities: { drop: ["NET_RAW"], add: [] },
      ready: { probe: { kind: "tcp", port: 8080 }, timeoutMs: 30_000 },
    },
  });
});

test("every field in its other forms", () => {
  const spec = specOf("forms");
  assert.deepEqual(spec.rootfs, { kind: "archive", path: "../images/alpine.tar.gz" });
  assert.deepEqual(spec.lowers, [
    { kind: "host", programs: ["/bin/bash", "/usr/bin/ls"] },
    { kind: "host", programs: ["/usr/bin/id"], nss: true, locales: ["C.UTF-8", "de_DE.UTF-8@euro"] },
    { kind: "oci", path: "../layout:latest" },
    { kind: "image", reference: "registry.example/alpine:3.20" },
    {
      kind: "debian",
      suite: "bookworm",
      include: ["curl", "libc6:i386"],
      mirror: "https://deb.example/debian",
    },
    { kind: "debian", suite: "sid", include: [] },
    { kind: "squashfs", path: "../base.squashfs" },
    { kind: "erofs", path: "../base.erofs" },
    { kind: "from", env: "full", snapshot: "2026-11-21" },
    { kind: "path", path: "123" },
  ]);
  assert.deepEqual(spec.overlay, { upper: { kind: "none" }, options: {} });
  const volume = { access: "rw", recursive: false, options: ["nosuid", "nodev"] };
  assert.deepEqual(spec.volumes, [
    { ...volume, source: "/srv/data", target: "/data" },
    { ...volume, source: "./with space/ü", target: "/a/b/c" },
    {
      source: "../path:with:colons",
      target: "/colons:too",
      access: "ro",
      recursive: true,
      options: ["suid", "dev", "noexec"],
    },
    { ...volume, source: "../exec", target: "/exec", options: ["nosuid", "nodev", "exec"] },
  ]);
  assert.deepEqual(spec.tmpfs, [
    { target: "/run", mode: 0o1777 },
    { target: "/a/b", mode: 0o700 },
    { target: "/t", mode: 0o755, size: 1536n << 20n },
  ]);
  assert.deepEqual(spec.limits, { memory: 1n << 20n, swap: 64n << 10n, cpuset: "0", cpus: 2, pids: 1 });
  assert.deepEqual(spec.entry, {
    command: ["/bin/sh", "-c", "make test && echo done"],
    env: {
      CI: literal("1"),
      TOKEN: { kind: "passthrough" },
      EMPTY: literal(""),
      EQ: literal("a=b=c"),
    },
    workdir: "/work",
    user: "build",
    hostname: "forms",
    network: "host",
    init: false,
    capabilities: { drop: ["ALL"], add: ["NET_RAW", "CHOWN"] },
    ready: { probe: { kind: "exec", command: ["curl", "-f", "localhost"] }, timeoutMs: 90_000 },
  });
});

test("anchors, aliases and merge keys: own keys first, then the first mapping that has one", () => {
  const { rootfs, lowers, volumes, tmpfs, limits } = specOf("anchors");
  const tools = { kind: "path", path: "../layers/tools" };
  assert.deepEqual(rootfs, { kind: "dir", path: "../rootfs" });
  assert.deepEqual(lowers, [rootfs, tools, tools]);
  assert.deepEqual(
    volumes.map(({ target, access, recursive }) => [target, access, recursive]),
    [
      ["/src", "ro", true],
      ["/rw", "rw", true],
    ],
  );
  assert.equal(tmpfs[0]?.size, 64n << 20n);
  assert.deepEqual(limits, { memory: 64n << 20n, pids: 16, cpus: 1 });
});

test("substitution reaches every kind of field, and is remembered of env alone", () => {
  const spec = specOf("substituted", {
    BASE: "..",
    FAST: "true",
    TARGET: "/cache",
    EMPTY: "",
    CPUS: "2",
    SECRET: "s3cret",
  });
  assert.deepEqual(spec.rootfs, { kind: "path", path: "../rootfs" });
  assert.deepEqual(spec.lowers, [{ kind: "dir", path: "../layers/tools" }]);
  assert.deepEqual(spec.overlay, { upper: { kind: "disk" }, options: { volatile: true } });
  assert.deepEqual(
    spec.volumes.map(({ source, target, access, recursive }) => [source, target, access, recursive]),
    [
      ["../src", "/work", "ro", false],
      ["$NOT_BRACED/$HOME", "/cache", "rw", true],
    ],
  );
  assert.deepEqual(spec.limits, { memory: 256n << 20n, cpuset: "0-1", cpus: 2, pids: 20 });
  assert.deepEqual(spec.tmpfs, [{ target: "/t", mode: 0o700 }]);
  const { command, env, init, ready } = spec.entry;
  assert.deepEqual(command, ["echo", "$1", "$$", ""]);
  assert.deepEqual(env, {
    A: { kind: "variable", value: "s3cret" },
    B: { kind: "variable", value: "xs3crety" },
    C: literal("$5"),
    D: { kind: "variable", value: "" },
  });
  assert.deepEqual([init, ready?.probe], [true, { kind: "tcp", port: 8080 }]);
});

test("the variables a file asks for are listed once, sorted, those with defaults and those behind a default too", () => {
  const names = [
    "ACCESS",
    "BASE",
    "CPUS",
    "EMPTY",
    "FAST",
    "LAYERS",
    "MEMORY",
    "MODE",
    "NONE",
    "PIDS",
    "PORT",
    "SECRET",
    "TARGET",
    "UPPER",
  ];
  assert.deepEqual(read(fixture("substituted"), {}, "substituted.yaml").variables, names);
});

test("a variable in an anchor that nothing uses is not asked for", () => {
  const { spec, variables } = read(`x-unused: \${NOPE}\n${HEAD}`);
  assert.ok(spec);
  assert.deepEqual(variables, []);
});

test("nothing written is an empty list or mapping, as when all its items are commented out", () => {
  const { spec } = read(
    `${HEAD}lowers:\n# - a\nvolumes: ~\ntmpfs: null\nlimits:\noverlay:\nentry:\n  env:\n  capabilities:\n`,
  );
  assert.deepEqual(spec, read(HEAD).spec);
});

test("the name may be that of a .yml file, or given without its ending", () => {
  for (const fileName of ["web-tests.yml", "web-tests"]) assert.ok(read(HEAD, {}, fileName).spec, fileName);
});
