#!/bin/busybox sh
# The agent itself, on a veth pair between two network namespaces: a hello that is sent to it must
# come out as a record with the fingerprint that is known for it. The doctor has to be of the same mind.
fail() {
    echo "agent: $1"
    echo "standard error:"; cat /tmp/agent.log
    echo "standard output:"; cat /tmp/records
    exit 1
}

# busybox cannot name the other end; the kernel calls it veth0.
ip link add server0 type veth || exit 1
unshare -n sleep 1000 &
client=$!
sleep 1
ip link set veth0 netns $client || exit 1
ip addr add 192.0.2.1/24 dev server0
ip link set server0 up
in_client="nsenter --net=/proc/$client/ns/net"
$in_client ip addr add 192.0.2.2/24 dev veth0
$in_client ip link set veth0 up

/bin/ja4sentinel doctor --backend ebpf --interface server0 || exit 1

while nc -l -p 443 >/dev/null; do :; done &
/bin/ja4sentinel run --backend ebpf --interface server0 --ports 443 >/tmp/records 2>/tmp/agent.log &
agent=$!

# The agent is ready when its classifier sits on the interface, which nothing but a hello proves.
tries=0
until grep -q '"ja4":"' /tmp/records; do
    kill -0 $agent || fail "it ended by itself"
    tries=$((tries + 1))
    [ $tries -le 20 ] || fail "no record"
    $in_client timeout 2 nc 192.0.2.1 443 </hello >/dev/null
    sleep 1
done
grep -q "\"ja4\":\"$(cat /hello.ja4)\"" /tmp/records || fail "another fingerprint"
grep -q '"backend":"ebpf"' /tmp/records || fail "another backend"
/bin/ja4sentinel doctor --backend ebpf --interface server0 >/tmp/doctor || fail "the doctor disagrees"
grep -q "in use by others too: ja4sentinel_" /tmp/doctor || fail "the doctor does not see it"
kill -TERM $agent
wait $agent || fail "it ended with exit code $?"
head -n 1 /tmp/records
