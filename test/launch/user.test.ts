import assert from "node:assert/strict";
import test from "node:test";
import { Failure } from "#model/diagnostic";
import { resolveUser } from "#launch/user";

const PASSWD = `root:x:0:0:root:/root:/bin/sh
# a comment
broken line
ana:x:1000:100:Ana:/home/ana:/bin/sh
nohome:x:1001:1001::
42:x:7:8:a name of digits:/seven:
bad:x:many:0::/:
huge:x:99999999999:0::/:
`;
const GROUP =
  "root:x:0:root,ana\nusers:x:100:\nvideo:x:44:ana,root\nwheel:x:10:ana,ana\nagain:x:44:ana\nbad:x:no:ana\n";

const ids = (user: string | undefined): unknown => {
  const { uid, gid, groups, home } = resolveUser(user, PASSWD, GROUP);
  return [uid, gid, [...groups].sort((a, b) => a - b), home];
};

test("a name brings its group, home and supplementary groups", () => {
  assert.deepEqual(ids("ana"), [1000, 100, [0, 10, 44], "/home/ana"]);
  assert.equal(resolveUser("ana", PASSWD, GROUP).name, "ana");
});

test("nothing means root, as the passwd knows it", () => {
  for (const user of [undefined, "", "0", "root"]) assert.deepEqual(ids(user), [0, 0, [44], "/root"]);
});

test("a number is looked up, and needs no entry", () => {
  assert.deepEqual(ids("1000"), [1000, 100, [0, 10, 44], "/home/ana"]);
  assert.deepEqual(ids("5000"), [5000, 0, [], "/"]);
  assert.deepEqual(ids("5000:6000"), [5000, 6000, [], "/"]);
  assert.equal(resolveUser("5000", PASSWD, GROUP).name, "");
});

test("a group that is given is the only one", () => {
  assert.deepEqual(ids("ana:video"), [1000, 44, [], "/home/ana"]);
  assert.deepEqual(ids("ana:77"), [1000, 77, [], "/home/ana"]);
  assert.deepEqual(ids(":video"), [0, 44, [], "/root"]);
  assert.deepEqual(ids("ana:"), [1000, 100, [0, 10, 44], "/home/ana"]);
});

test("a name of digits is a name first; an empty home is /", () => {
  assert.deepEqual(ids("42"), [7, 8, [], "/seven"]);
  assert.deepEqual(ids("nohome"), [1001, 1001, [], "/"]);
});

test("a rootfs without passwd and group takes numbers", () => {
  assert.deepEqual(resolveUser("1:2", undefined, undefined), {
    uid: 1,
    gid: 2,
    groups: [],
    home: "/",
    name: "",
  });
  assert.deepEqual(resolveUser(undefined, undefined, undefined), {
    uid: 0,
    gid: 0,
    groups: [],
    home: "/",
    name: "",
  });
});

for (const [user, summary, hint] of [
  [
    "nobody",
    `no user "nobody": the rootfs's /etc/passwd has no user "nobody"`,
    /^use a number, or one of root, ana, /,
  ],
  ["bad", `no user "bad": the rootfs's /etc/passwd has no user "bad"`, /^use a number/],
  ["huge", `no user "huge": the rootfs's /etc/passwd has no user "huge"`, /^use a number/],
  [
    "99999999999",
    `no user "99999999999": the rootfs's /etc/passwd has no user "99999999999"`,
    /^use a number/,
  ],
  ["ana:no", `no group "no": the rootfs's /etc/group has no group "no"`, /one of root, users, video/],
  ["-1", `no user "-1": the rootfs's /etc/passwd has no user "-1"`, /^use a number/],
] as const) {
  test(`${user} is refused`, () => {
    assert.throws(
      () => resolveUser(user, PASSWD, GROUP),
      (error) => {
        assert.ok(error instanceof Failure);
        const [said] = error.diagnostics;
        assert.deepEqual([error.exit, said?.code, said?.summary], [125, "no_user", summary]);
        assert.match(said?.hint ?? "", hint);
        return true;
      },
    );
  });
}

test("without the file it says so", () => {
  assert.throws(() => resolveUser("ana", undefined, GROUP), /no user "ana": the rootfs has no \/etc\/passwd/);
  assert.throws(
    () => resolveUser("0:video", PASSWD, undefined),
    /no group "video": the rootfs has no \/etc\/group/,
  );
});
