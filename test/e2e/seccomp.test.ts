// The filter of system calls (row B8): what it refuses, and that a host without the means says so.
import assert from "node:assert/strict";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { project } from "#test/project";

guard();

const REAL = needs("root", "overlay", "program:perl");

/** Tries system calls by their numbers on x86_64, and says what became of each. */
const TRY = `$| = 1; for (["keyctl", 250, 0, -1], ["io_uring", 425, 0, 0], ["clone", 56, 0x10000000 | 17, 0], ["unshare", 272, 0x10000000], ["unshare pid", 272, 0x20000000], ["clone3", 435, 0, 0], ["mount", 165, 0, 0, 0, 0], ["getppid", 110]) { my ($name, @call) = @$_; my $got = syscall($call[0], map { $_ + 0 } @call[1 .. $#call]); exit if $name eq "clone" && $got == 0; print "$name ", $got >= 0 ? "ok" : ({ 1 => "EPERM", 14 => "EFAULT", 22 => "EINVAL", 38 => "ENOSYS" }->{$! + 0} || $!), "\\n" }`;

test("B8 a filter refuses keyrings, io_uring, namespaces and what takes a missing capability", REAL, (t) => {
  if (process.arch !== "x64") return t.skip("needs program:x86_64");
  const p = project(t);
  const tried = (body: string): readonly string[] => {
    p.env("web", `rootfs: { host: [/usr/bin/perl, /bin/cat] }\n${body}`);
    const status = p.ok(["run", "--rm", "web", "--", "cat", "/proc/self/status"]).stdout;
    assert.match(status, /^Seccomp:\t2$/m);
    const { stdout } = p.ok(["run", "--rm", "web", "--", "perl", "-e", TRY]);
    return stdout.trim().split("\n");
  };
  const refused = [
    "keyctl EPERM",
    "io_uring EPERM",
    "clone EPERM",
    "unshare EPERM",
    "unshare pid EPERM",
    "clone3 ENOSYS",
    "mount EPERM",
  ];
  for (const body of ["", "entry: { user: 1000:1000 }\n", "entry: { init: true }\n"])
    assert.deepEqual(tried(body), [...refused, "getppid ok"], body);
  const freed = [
    "keyctl EPERM",
    "io_uring EPERM",
    "clone ok",
    "unshare ok",
    "unshare pid ok",
    "clone3 EINVAL",
    "mount EFAULT",
  ];
  assert.deepEqual(tried("entry: { capabilities: { add: [SYS_ADMIN] } }\n"), [...freed, "getppid ok"]);
});

test("B8 where nothing can install a filter entries run without, and doctor says why", REAL, (t) => {
  const p = project(t);
  p.env("web", "entry: { command: [cat, /proc/self/status] }\n");
  const hide = (file: string): readonly string[] => [
    "unshare",
    "-m",
    "sh",
    "-c",
    `mount --bind /dev/null "$(readlink -f "$(${file})")" || exit 99; shift; exec "$@"`,
    "sh",
    "",
  ];
  type Report = { readonly checks: readonly Readonly<Record<"name" | "status" | "found", string>>[] };
  const seccomp = (before: readonly string[]): Readonly<Record<string, string>> =>
    p.json<Report>(["doctor"], 0, { before }).checks.find(({ name }) => name === "seccomp")!;
  assert.match(seccomp([])["found"]!, /^made by libseccomp, installed by (envctl|\S+\/(perl|setpriv))$/);
  const library = hide("ldconfig -p | sed -n 's/.*libseccomp.so.2.* => //p' | head -1");
  assert.deepEqual(
    [seccomp(library)["status"], seccomp(library)["found"]],
    ["degraded", "no libseccomp.so.2"],
  );
  assert.match(p.ok(["run", "--rm", "web"], 0, { before: library }).stdout, /^Seccomp:\t0$/m);
  // Where envctl or setpriv installs it perl is not missed.
  const missed = seccomp([])["found"]!.endsWith("/perl");
  const perl = hide("command -v perl");
  assert.equal(seccomp(perl)["status"], missed ? "degraded" : "yes");
  assert.match(
    p.ok(["run", "--rm", "web"], 0, { before: perl }).stdout,
    missed ? /^Seccomp:\t0$/m : /^Seccomp:\t2$/m,
  );
});
