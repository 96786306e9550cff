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

if grep -q lockdown= /proc/cmdline; then
    mount -t securityfs securityfs /sys/kernel/security
    grep -q "\[confidentiality\]" /sys/kernel/security/lockdown || echo "@lockdown is off"
fi

[ -e /sys/kernel/btf/vmlinux ] && echo "@btf yes" || echo "@btf no"
[ ! -e /object ] || export JA4SENTINEL_BPF_OBJECT=/object
[ ! -e /lacks ] || export JA4SENTINEL_KERNEL_LACKS="$(cat /lacks)"
export JA4SENTINEL_KERNEL_TUNNELS="$(cat /tunnels)"
export CI=1
# What tests find out is shown at once; they have the kernel to themselves, one after the other.
export RUST_TEST_NOCAPTURE=1 RUST_TEST_THREADS=1
for check in /checks/*; do
    "$check" </dev/null
    echo "@check ${check##*/} $?"
done
echo "@done"
poweroff -f
