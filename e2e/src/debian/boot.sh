# Boots a Debian in namespaces of its own: sh boot.sh BASE MACHINE
# BASE stays as it is; what is written goes to MACHINE/upper. It shares the network, and nothing else that it could
# change: of /proc/sys and /sys it only reads, and its devices are those that every container has.
set -eu
base=$1
machine=$2
root=$machine/root
mount -t overlay overlay -o "lowerdir=$base,upperdir=$machine/upper,workdir=$machine/work" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
  mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 666 "$root/dev/tty" c 5 0
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
touch "$machine/console" "$root/dev/console"
mount --bind "$machine/console" "$root/dev/console"
# What is lent to it: MACHINE/lent/… appears as /opt/….
mkdir -p "$root/opt"
mount --rbind -o ro "$machine/lent" "$root/opt"
# Not chroot: a process in one may have no user namespace, and the agent's unit wants one. Shared mounts: systemd makes
# credentials in a process of its own.
mkdir -p "$root/mnt/host"
cd "$root"
pivot_root . mnt/host
exec chroot . sh -c '
  umount --lazy /mnt/host
  mount --make-rshared /
  exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd'
