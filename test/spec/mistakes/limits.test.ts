import { mistakes } from "../support.ts";

const SIZE = "a number with K, M or G (powers of 1024): 256MiB";
const CPUS = "numbers and ranges: 0-1 or 0,2-3";

mistakes([
  ["E5 a word for a size", "limits:\n  memory: abc\n", `5:11+3 not a size | ${SIZE}`],
  ["E5 a sign after a size", "limits:\n  memory: 100mb!\n", `5:11+6 not a size | ${SIZE}`],
  ["E5 a negative size", "limits:\n  memory: -1\n", `5:11+2 not a size | ${SIZE}`],
  ["E5 a size beyond all numbers", "limits:\n  memory: 1e999\n", `5:11+5 not a size | ${SIZE}`],
  ["a size in words", "limits:\n  memory: 256 megs\n", `5:11+8 not a size | ${SIZE}`],
  [
    "a size beyond what JSON can say",
    "limits:\n  memory: 9007199254740992\n",
    `5:11+16 not a size | ${SIZE}`,
  ],
  ["a list for a size", "limits:\n  memory: [1G]\n", `5:11+4 not a size | ${SIZE}`],
  ["a size of nothing", "limits:\n  memory: 0\n", "5:11+1 too small | 4 KiB at least"],
  ["a key without its value", "limits:\n  memory:\n", `5:3+6 no value | ${SIZE}`],
  ["null for a value", "limits:\n  memory: ~\n", `5:11+1 no value | ${SIZE}`],
  ["limits in a list", "limits: [memory]\n", "4:9+8 not limits | keys with values: memory: …"],
  ["CPUs backwards", "limits:\n  cpuset: 3-1\n", `5:11+3 not a list of CPUs | ${CPUS}`],
  ["CPUs in words", "limits:\n  cpuset: all\n", `5:11+3 not a list of CPUs | ${CPUS}`],
  ["CPUs as a YAML list", "limits:\n  cpuset: [0, 1]\n", `5:11+6 not a list of CPUs | ${CPUS}`],
  ["nodes with a hole", "limits:\n  cpuset_mems: 0,,1\n", "5:16+4 not a list of memory nodes | " + CPUS],
  [
    "no CPU time at all",
    "limits:\n  cpus: 0\n",
    "5:9+1 not a number of CPUs | a number from 0.01 to 8192: 1.5",
  ],
  [
    "CPU time as an exponent",
    "limits:\n  cpus: 1e999\n",
    "5:9+5 not a number of CPUs | a number from 0.01 to 8192: 1.5",
  ],
  ["shares out of range", "limits:\n  cpu_shares: 1\n", "5:15+1 out of range | 2 to 262144"],
  ["half a process", "limits:\n  pids: 1.5\n", "5:9+3 not a whole number | a whole number from 1 to 4194304"],
  [
    "a number in quotes",
    'limits:\n  pids: "128"\n',
    "5:9+5 not a whole number | write it without quotes: 128",
  ],
]);
