# SPDX-License-Identifier: BSD-2-Clause
#
# The choice of backends at run time, in the guest, whose kernel has the module tls: weir backends,
# and connections of weir perf.
#
#   sh backends.sh WEIR
weir=$1
failed=0
suite12=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
suite13=TLS_AES_256_GCM_SHA384

# check NAME PATTERN… : the output is in /tmp/out, and every pattern is in it; with "not" before
# it, in no line.
check() {
    name=$1 why=
    shift
    [ "$status" = 0 ] || why="status $status"
    while [ $# -gt 0 ]; do
        if [ "$1" = not ]; then
            shift
            ! grep -q -e "$1" /tmp/out || why="$why a line '$1'"
        else
            grep -q -e "$1" /tmp/out || why="$why no line '$1'"
        fi
        shift
    done
    if [ -z "$why" ]; then
        echo "PASS $name"
    else
        failed=1
        echo "FAIL $name: $why"
        sed 's/^/# /' /tmp/out
    fi
}

say() {
    "$@" >/tmp/out 2>&1
    status=$?
}

# perf OPTION… : both ways at once, with a digest at both ends.
perf() {
    : >/tmp/server # what the last one said is not what this one says
    "$weir" perf -s -1 -p 5201 --tls-lib openssl "$@" >>/tmp/server 2>&1 &
    server=$!
    for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        grep -q listening /tmp/server && break
        sleep 0.2
    done
    say timeout 30 "$weir" perf -c 127.0.0.1 -p 5201 -n 1M --bidir --verify --insecure \
        --tls-lib openssl "$@"
    [ "$status" = 0 ] || kill "$server"
    wait "$server"
    cat /tmp/server >>/tmp/out
}

say "$weir" backends --cipher $suite12
check 'TLS 1.2 goes to the kernel' 'both directions by linux-ktls' 'not by mlx5-kmod: .*(not_this_os)'
say "$weir" backends --cipher $suite13 --rekey all
check 'TLS 1.3, too, whatever a KeyUpdate does' 'both directions by linux-ktls'
say "$weir" backends --cipher $suite13 --rekey strict
if grep -q TlsRxRekeyOk /proc/net/tls_stat; then
    check 'where the key can be changed' 'both directions by linux-ktls'
else
    check 'where the key cannot be changed' 'both directions by soft' 'not by linux-ktls: .*(no_rekey)'
    say "$weir" backends --cipher $suite13
    check 'sending moves, receiving does not' 'sending by linux-ktls' 'receiving by soft'
fi
say "$weir" backends --cipher $suite12 --backend soft,linux-ktls
check 'what stands behind software is not asked' 'both directions by soft' not linux-ktls
say env WEIR_BACKEND=soft "$weir" backends --cipher $suite12
check 'WEIR_BACKEND' 'both directions by soft' not linux-ktls

for suite in $suite12 $suite13; do
    perf --cipher $suite --rekey all
    check "weir perf, $suite" 'sent by linux-ktls: .*1.00 MBytes' \
        'received by linux-ktls: .*1.00 MBytes' 'SHA-256 equal at both ends' not 'by soft'
done
perf --cipher $suite13 --rekey all --backend soft
check 'weir perf on software' 'sent by soft' 'received by soft' 'SHA-256 equal' not linux-ktls
exit $failed
