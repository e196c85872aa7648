# SPDX-License-Identifier: BSD-2-Clause
#
# Connections over a loopback interface that loses, delays and reorders packets.
#
#   sh loss.sh TC IP TALK MOVES
tc=$1 ip=$2 talk=$3 moves=$4
failed=0

# Packets of an Ethernet's size, so that a record is cut in many of them.
$ip link set dev lo mtu 1500 || failed=1
$tc qdisc add dev lo root netem delay 1ms 1ms loss 1% reorder 25% 50% duplicate 1% || failed=1

"$talk" 'pieces of all sizes' || failed=1
"$talk" 'sendfile, TLS' || failed=1
"$talk" 'splice, ' || failed=1
"$talk" 'a bad record, TLS' || failed=1
"$moves" few || failed=1

set -- $($tc -s qdisc show dev lo | sed -n 's/.*Sent .* bytes \([0-9]*\) pkt (dropped \([0-9]*\).*/\1 \2/p')
again=$(awk '/^Tcp:/ && $13 ~ /^[0-9]+$/ { print $13 }' /proc/net/snmp)
echo "NOTE $1 packets, $2 of them lost, $again segments sent again"
if [ "${2:-0}" -gt 10 ] && [ "${again:-0}" -gt 10 ]; then
    echo 'PASS packets were lost, and sent again'
else
    failed=1
    echo 'FAIL packets were lost, and sent again: too few'
fi
exit $failed
