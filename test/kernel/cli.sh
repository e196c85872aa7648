# SPDX-License-Identifier: BSD-2-Clause
#
# weir doctor, offload and stats in the guest, whose kernel has the module tls, and no network.
#
#   sh cli.sh HOLD WEIR        HOLD: runs a command while two directions have keys in the kernel
hold=$1
weir=$2
failed=0

# check NAME STATUS PATTERN… : what was said, in /tmp/out, has a line for every pattern.
check() {
    name=$1 wanted=$2 why=
    shift 2
    [ "$status" = "$wanted" ] || why="status $status, not $wanted"
    for pattern in "$@"; do
        grep -q -e "$pattern" /tmp/out || why="$why no line '$pattern'"
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

suites='TLSv1.2/AES-128-GCM, TLSv1.2/AES-256-GCM, TLSv1.2/ChaCha20-Poly1305'
suites="$suites, TLSv1.3/AES-128-GCM, TLSv1.3/AES-256-GCM, TLSv1.3/ChaCha20-Poly1305, in software"
# A kernel that counts replaced keys can replace them.
if grep -q TlsTxRekeyOk /proc/net/tls_stat; then
    rekey='^ok    rekey       taken under TLS 1.3'
else
    rekey='^warn  rekey       EBUSY'
fi

say "$weir" doctor --wait 0.1 --record /tmp/record
check 'doctor on a kernel with TLS' 11 '^ok    module      loaded$' '^ok    attach      taken$' \
    "^ok    tx-keys     $suites\$" "^ok    rx-keys     $suites\$" \
    '^ok    record      TLSv1.2/AES-128-GCM: sealed, sent, opened, and the same$' "$rekey" \
    '^note  options     TLS_TX_ZEROCOPY_RO: yes, TLS_RX_EXPECT_NO_PAD: yes, ' \
    '^no    nic-tx      no interface can (there are: lo)' '^ok    errors      none$' \
    '^kernel: the kernel encrypts in software (exit status 11)$'
sed '1s/$/ (a recording)/' /tmp/out >/tmp/live
say "$weir" doctor --host /tmp/record
cmp -s /tmp/out /tmp/live || status=differs
check 'the recording says the same' 11 '(a recording)$'
say "$weir" doctor --wait 0.1 --json
check 'doctor, JSON' 11 '"level":"kernel"' '"check":"record","state":"ok"' '"status":11'

say "$weir" stats
check 'stats without a session' 0 '^/proc/net/tls_stat TlsCurrTxSw  *0  ' \
    '^/proc/net/tls_stat TlsTxSw  *[1-9][0-9]*  ' \
    '^offload is not active, because no connection has a key in the kernel now (so far: [1-9]'
say "$hold" "$weir" stats
check 'stats with two sessions' 0 '^/proc/net/tls_stat TlsCurrTxSw  *2  ' \
    "^offload is active in the kernel's software (2 sending, 2 receiving sessions), not on a NIC, \
because no interface has tls-hw-tx-offload on\$"
say "$hold" "$weir" stats --json
check 'stats, JSON' 0 '"active":"kernel"'
say "$hold" "$weir" stats --prometheus
check 'stats, Prometheus' 0 '^weir_linux_tls_curr_tx_sw 2$' '^weir_offload_active{where="kernel"} 1$'
say "$hold" "$weir" doctor --wait 0.1
check 'doctor with two sessions' 11 \
    '^note  sessions    now TX 2 in software, 0 on a NIC; RX 2 and 0; ' \
    '; 2 TLSv1.2 AES-128-GCM rx software tx software$'

nc -ll -p 4433 -e cat &
listener=$!
sleep 1
say "$weir" doctor --wait 0.1 --peer localhost:4433
check 'doctor with a peer' 11 \
    '^warn  peer        localhost:4433, TLSv1.2/AES-128-GCM: TX goes to software, RX to software'
kill "$listener"
say "$weir" doctor --wait 0.1 --peer 127.0.0.1:1
check 'doctor with a peer that is not there' 11 '127.0.0.1:1: TX: ECONNREFUSED: nobody listens there'

say "$weir" offload show
check 'offload show' 0 '^tls  *loaded  '
say "$weir" offload enable --dry-run
check 'nothing to enable' 0 '^# tls is loaded already$' '^# no interface can do TLS$'

# Without the module: what is missing is said, and what the dry run prints is what helps.
rmmod tls
say "$weir" doctor --wait 0.1
check 'doctor without the module' 10 '^no    attach      ENOENT' '^skip  tx-keys     not tried' \
    '^no offload: '
say "$weir" stats
check 'stats without the module' 0 'is not active, because .* not loaded'
printf '#!/bin/sh\n[ "$*" = tls ] && exec insmod /modules/tls.ko\n' >/bin/program
chmod 755 /bin/program
mv /bin/program /bin/modprobe
say "$weir" offload enable --dry-run
check 'something to enable' 0 '^modprobe tls$'
say "$weir" offload enable
check 'offload enable' 0 '^+ modprobe tls$'
say "$weir" doctor --wait 0.1
check 'doctor with the module again' 11 '^ok    record '
exit "$failed"
