import assert from "node:assert/strict";
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import test, { type TestContext } from "node:test";
import { join, parentOf, type AbsPath } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { OverlayMount, Stage } from "#ports/mounts";
import { linuxMounts, type MountOptions } from "#kernel/mounts";
import { kernelSince, mountsAt, scratch, surroundings, type Row } from "./fixture.ts";

const ways: readonly (readonly [name: string, options: MountOptions])[] = [
  ["by descriptor", {}],
  ["by mount(2)", { without: ["overlay_set_fd"] }],
];

type Place = {
  readonly dir: AbsPath;
  readonly merged: AbsPath;
  readonly lowers: readonly AbsPath[];
  readonly rw: { readonly upper: AbsPath; readonly work: AbsPath };
};

/** Lowers `l0`, `l1`, … each with a file of its own and one they share. */
function place(t: TestContext, count: number, name = "l"): Place {
  const dir = scratch(t);
  linuxMounts().tmpfs(dir, { tag: "fast" });
  const lowers = Array.from({ length: count }, (_, n) => join(dir, `${name}${n}`));
  for (const [n, lower] of lowers.entries()) {
    mkdirSync(lower);
    writeFileSync(`${lower}/own${n}`, "");
    writeFileSync(`${lower}/shared`, String(n));
  }
  const rw = { upper: join(dir, "upper"), work: join(dir, "work") };
  for (const path of [rw.upper, rw.work, `${dir}/merged`]) mkdirSync(path);
  return { dir, merged: join(dir, "merged"), lowers, rw };
}

function staged<T>(
  options: MountOptions,
  merged: AbsPath,
  overlay: Omit<OverlayMount, "tag">,
  look: (row: Row, stage: Stage) => T,
): T {
  const mounts = linuxMounts(options);
  mounts.stage(() => undefined);
  const before = surroundings(parentOf(merged));
  try {
    return mounts.stage((stage) => {
      stage.overlay({ tag: "envctl:0123abcd:web-01234567", ...overlay }, merged);
      assert.equal(readlinkSync("/proc/thread-self/cwd"), process.cwd());
      return look(mountsAt(merged)[0]!, stage);
    });
  } finally {
    assert.deepEqual(
      surroundings(parentOf(merged)),
      before,
      "mounts, namespaces and descriptors are as before",
    );
  }
}

function refusal(run: () => unknown): KernelError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof KernelError, String(error));
    return error;
  }
  return assert.fail("nothing was refused");
}

for (const [name, options] of ways) {
  test(`an overlay mounted ${name} carries its tag, its options, and lets the first lower win`, (t) => {
    const { merged, lowers, rw } = place(t, 3);
    const asked = { index: "off", metacopy: "off", redirect_dir: "on", xino: "auto" } as const;
    const { row, names, shared } = staged(options, merged, { lowers, rw, options: asked }, (row) => {
      writeFileSync(`${merged}/new`, "");
      rmSync(`${merged}/own1`);
      return { row, names: readdirSync(merged).sort(), shared: readFileSync(`${merged}/shared`, "utf8") };
    });
    assert.equal(row.type, "overlay");
    assert.equal(row.source, "envctl:0123abcd:web-01234567");
    assert.match(row.superOptions, /redirect_dir=on/);
    assert.deepEqual(names, ["new", "own0", "own2", "shared"]);
    assert.equal(shared, "0");
    assert.equal(lstatSync(`${rw.upper}/own1`).rdev, 0);
    assert.ok(lstatSync(`${rw.upper}/own1`).isCharacterDevice());
    assert.ok(lstatSync(`${lowers[1]}/own1`).isFile());
  });

  test(`500 lowers ${name}, 501 are refused, and no descriptor stays open`, (t) => {
    const { merged, lowers, rw, dir } = place(
      t,
      501,
      `a rather long name, so that the options are long too:`,
    );
    const most = { lowers: lowers.slice(0, 500), rw, options: {} };
    assert.equal(
      staged(options, merged, most, () => readdirSync(merged).length),
      501,
    );
    const error = refusal(() => staged(options, merged, { ...most, lowers }, () => undefined));
    assert.ok(error.call.includes(`${dir}/`), error.call);
  });

  test(`a read-only overlay ${name} needs no upper`, (t) => {
    const { merged, lowers } = place(t, 2);
    const code = staged(options, merged, { lowers, options: {}, readOnly: true }, (row) => {
      assert.match(row.options, /^ro/);
      return refusalCode(() => writeFileSync(`${merged}/x`, ""));
    });
    assert.equal(code, "EROFS");
  });

  test(`an overlay ${name} takes paths of any kind`, (t) => {
    const { merged, lowers, rw } = place(t, 2, " \t\n\\:,=\"'🦊");
    assert.equal(
      staged(options, merged, { lowers, rw, options: {} }, () => readdirSync(merged).length),
      3,
    );
  });

  test(`a volatile overlay ${name} is mounted once, and the second time overlayfs says why not`, (t) => {
    const { merged, lowers, rw } = place(t, 1);
    const volatile = { lowers, rw, options: { volatile: true } };
    staged(options, merged, volatile, (row) => assert.match(row.superOptions, /volatile/));
    const error = refusal(() => staged(options, merged, volatile, () => undefined));
    assert.match(error.hint ?? "", /^overlay(fs)?: .*volatile/);
  });

  test(`what overlayfs refuses ${name} is told in its own words and with every path`, (t) => {
    const { dir, merged, lowers, rw } = place(t, 2);
    mkdirSync(`${rw.upper}/work`);
    const rows: readonly (readonly [about: string, overlay: Omit<OverlayMount, "tag">, says: RegExp])[] = [
      [
        "work inside upper",
        { lowers, rw: { ...rw, work: join(rw.upper, "work") }, options: {} },
        /^overlay(fs)?: workdir/,
      ],
      [
        "work equal to upper",
        { lowers, rw: { ...rw, work: rw.upper }, options: {} },
        /^overlay(fs)?: workdir/,
      ],
      [
        "contradicting options",
        { lowers, rw, options: { metacopy: "on", redirect_dir: "off" } },
        /^overlay(fs)?: .*(metacopy|redirect_dir)/,
      ],
      ["an unknown value", { lowers, rw, options: { xino: "maybe" as "on" } }, /^overlay(fs)?: .*xino/],
    ];
    for (const [about, overlay, says] of rows) {
      const error = refusal(() => staged(options, merged, overlay, () => undefined));
      assert.match(error.hint ?? "", says, `${about}: ${error.call}: ${error.hint}`);
      if (error.call.includes("CREATE"))
        for (const path of lowers) assert.ok(error.call.includes(path), error.call);
    }
    const missing = refusal(() =>
      staged(
        options,
        merged,
        { lowers, rw: { ...rw, work: join(dir, "none") }, options: {} },
        () => undefined,
      ),
    );
    assert.equal(missing.errno, "ENOENT");
    assert.ok(missing.call.includes(`${dir}/none`));
    const elsewhere = refusal(() =>
      linuxMounts(options).stage((stage) => {
        stage.tmpfs(rw.work, { tag: "x", mode: 0o755 });
        stage.overlay({ tag: "t", lowers, rw, options: {} }, merged);
      }),
    );
    assert.match(elsewhere.hint ?? "", /overlay(fs)?: workdir and upperdir must reside under the same mount/);
  });
}

test("mountinfo shows every lower by its absolute path", (t) => {
  const { merged, lowers, rw } = place(t, 3);
  const row = staged({}, merged, { lowers, rw, options: {} }, (it) => it);
  if (!kernelSince(6, 15)) {
    // Older ones are given descriptors' numbers as paths, which is what they show.
    assert.match(row.superOptions, /,lowerdir=\d+:\d+:\d+,upperdir=\d+,workdir=\d+/);
    return;
  }
  const shown = row.superOptions.split(",").filter((option) => option.startsWith("lowerdir+="));
  assert.deepEqual(
    shown,
    lowers.map((path) => `lowerdir+=${path}`),
  );
  assert.ok(row.superOptions.includes(`upperdir=${rw.upper}`));
  assert.ok(row.superOptions.includes(`workdir=${rw.work}`));
});

test("an overlay for a user namespace marks whiteouts in user.overlay", (t) => {
  const { merged, lowers, rw } = place(t, 1);
  const row = staged({}, merged, { lowers, rw, options: {}, userxattr: true }, (it) => it);
  assert.match(row.superOptions, /userxattr/);
});

function refusalCode(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
  return undefined;
}
