#!/bin/busybox sh
# First process of the virtual machine: loads the modules, runs each check, reports on the console
# (lines that start with "@"), and powers off.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1
mount -t bpf bpf /sys/fs/bpf
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
ip link set lo up
while read -r module; do
    insmod "/modules/$module.ko" || echo "@module $module failed"
done </modules/order

[ ! -e /object ] || export JA4SENTINEL_BPF_OBJECT=/object
export CI=1
for check in /checks/*; do
    "$check" </dev/null
    echo "@check ${check##*/} $?"
done
echo "@done"
poweroff -f
