# The service in its life: hellos that are sent must come out as records in its file.
fail() {
    echo "service: $1"
    systemctl status ja4sentinel
    journalctl --no-pager --output=cat
    echo "@check service 1"
    systemctl poweroff --force --force
    exit
}

while read -r module; do
    busybox insmod "/modules/$module.ko" || echo "@module $module failed"
done </modules/order
busybox ip link set lo up
# busybox cannot name the other end; the kernel calls it veth0.
busybox ip link add server0 type veth || fail "no veth"
busybox unshare -n busybox sleep 1000 &
client=$!
sleep 1
busybox ip link set veth0 netns $client || fail "no namespace"
busybox ip addr add 192.0.2.1/24 dev server0
busybox ip link set server0 up
in_client="busybox nsenter --net=/proc/$client/ns/net busybox"
$in_client ip addr add 192.0.2.2/24 dev veth0
$in_client ip link set veth0 up
for port in 443 8443; do
    while busybox nc -l -p $port >/dev/null; do :; done &
done

records=/var/log/ja4sentinel/records.json
configure() {
    cat >/etc/ja4sentinel/ja4sentinel.yml <<END
core: { interface: server0, listen_ports: [$1], backend: ebpf }
metrics: { listen: "127.0.0.1:9443" }
outputs: [{ type: file, params: { path: $records } }]
END
}

# hello PORT: sends hellos to this port until a record of one is there.
hello() {
    tries=0
    until grep -s "\"dst_port\":$1,.*\"backend\":\"ebpf\"" $records | grep -q "$(cat /hello.ja4)"; do
        tries=$((tries + 1))
        [ $tries -le 20 ] || fail "no record of port $1"
        $in_client timeout 2 busybox nc 192.0.2.1 "$1" </hello >/dev/null
        sleep 1
    done
}

configure 443
systemctl start ja4sentinel || fail "it does not start"
hello 443

configure 443,8443
systemctl reload ja4sentinel || fail "it does not reload"
hello 8443

logrotate --force /etc/logrotate.d/ja4sentinel || fail "logrotate"
[ ! -e $records ] || fail "the file was not moved away"
hello 443
[ -s $records.1 ] || fail "the file that was moved away is empty"

busybox wget -q -O /tmp/metrics http://127.0.0.1:9443/metrics || fail "no metrics"
for name in ja4sentinel_ready process_start_time_seconds process_open_fds; do
    grep -q "^$name [1-9]" /tmp/metrics || fail "no metric $name"
done

systemctl kill --signal=KILL ja4sentinel
rm $records
hello 443
[ "$(systemctl show --property=NRestarts --value ja4sentinel)" = 1 ] || fail "not restarted once"

systemctl stop ja4sentinel || fail "it does not stop"
result=$(systemctl show --property=Result --property=ExecMainStatus --value ja4sentinel)
[ "$(echo $result)" = "success 0" ] || fail "it ended with $result"
echo "@check service 0"
echo "@done"
systemctl poweroff --force --force
