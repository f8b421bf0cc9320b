#!/bin/sh
# The first process of a test machine: mounts what a system has, then runs the second disk's command. Words of the
# kernel's command line arrive as variables: VM_CGROUP is v2, v1 or hybrid; with VM_INIT=systemd the first process becomes systemd, which
# mounts it all itself and starts this again as a service.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
if [ $$ = 1 ] && [ "$VM_INIT" = systemd ]; then
  mount -t proc proc /proc
  mount -o remount,rw /
  umount /proc
  exec /lib/systemd/systemd --unit=vm.service
elif [ $$ = 1 ]; then
  mount -t proc -o nosuid,nodev,noexec proc /proc
  mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
  mount -t devtmpfs dev /dev
  mount -o remount,rw /
  mkdir -p /dev/pts /dev/shm
  mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
  mount -t tmpfs -o nosuid,nodev shm /dev/shm
  mount -t tmpfs -o nosuid,nodev,mode=755 run /run
  ln -s /proc/self/fd /dev/fd
  # As systemd does: what is mounted anywhere shows everywhere. One layout is without, for hosts that are.
  [ "$VM_CGROUP" = v1 ] || mount --make-rshared /

  c=/sys/fs/cgroup
  case $VM_CGROUP in
    v1 | hybrid)
      mount -t tmpfs -o mode=755 cgroup $c
      # A controller that this kernel lacks on v1 gets no directory.
      for s in cpu,cpuacct cpuset memory devices freezer blkio pids; do
        mkdir $c/$s
        mount -t cgroup -o $s cgroup $c/$s 2>/dev/null || rmdir $c/$s
      done
      mkdir $c/systemd
      mount -t cgroup -o none,name=systemd cgroup $c/systemd
      [ $VM_CGROUP = v1 ] || { mkdir $c/unified; mount -t cgroup2 cgroup2 $c/unified; }
      ;;
    *) mount -t cgroup2 cgroup2 $c ;;
  esac
fi

busybox ip link set lo up
busybox hostname vm
unset VM_CGROUP VM_INIT
cd /envctl || exit

# The second disk holds a command line, a word a line, filled up with empty lines to a whole sector.
set --
while IFS= read -r word && [ -n "$word" ]; do set -- "$@" "$word"; done </dev/vdb
how=$1
shift
if [ "$how" = shell ]; then
  stty -F /dev/ttyS1 sane
  setsid -c env "$@" </dev/ttyS1 >/dev/ttyS1 2>&1
else
  stty -F /dev/ttyS1 raw -echo
  env "$@" </dev/null >/dev/ttyS1 2>&1
  echo "{\"done\":$?}" >/dev/ttyS1
fi
sync
busybox poweroff -f
