#!/bin/sh
# One https connection on the loopback interface, captured. See README.md.
set -eu
usage() {
    echo "usage: capture_tls.sh [-k rsa|ecdsa] [-g GROUP] [-c CIPHERS] [-v] [-o FILE.trace]
  -k   keys of the certificates (default rsa: 2048 bits, roots 4096; ecdsa: P-256, roots P-384)
  -g   key exchange group, as openssl names it (default X25519; P-256, ...)
  -c   cipher list, as openssl names it (default: what both prefer under TLS 1.2)
  -v   the client verifies the server's chain
  -o   the trace (default tls.trace)" >&2
    exit 2
}
keys=rsa group=X25519 ciphers=DEFAULT verify='' out=tls.trace
while getopts k:g:c:vo: option; do
    case $option in
    k) keys=$OPTARG ;;
    g) group=$OPTARG ;;
    c) ciphers=$OPTARG ;;
    v) verify=1 ;;
    o) out=$OPTARG ;;
    *) usage ;;
    esac
done
case $keys in rsa | ecdsa) ;; *) usage ;; esac
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

key() { # FILE: a root's key is stronger than that of a leaf
    if [ "$keys" = rsa ]; then
        openssl genrsa -out "$work/$1.key" "$2" 2>/dev/null
    else
        openssl ecparam -name "$3" -genkey -noout -out "$work/$1.key"
    fi
}
sign() { # NAME ISSUER SUBJECT EXTENSIONS
    openssl req -new -key "$work/$1.key" -subj "$3" -out "$work/$1.csr"
    printf '%b' "$4" >"$work/$1.ext"
    openssl x509 -req -in "$work/$1.csr" -CA "$work/$2.pem" -CAkey "$work/$2.key" -set_serial "0x$(openssl rand -hex 8)" \
        -days 2 -sha256 -extfile "$work/$1.ext" -out "$work/$1.pem" 2>/dev/null
}
host=heapsim.example
key root 4096 secp384r1
openssl req -x509 -new -key "$work/root.key" -subj "/O=Throw-away/CN=Root" -days 2 -sha256 -out "$work/root.pem"
key inter 2048 secp384r1
sign inter root "/C=XX/O=Throw-away/CN=Intermediate" "basicConstraints=critical,CA:TRUE\nextendedKeyUsage=serverAuth,clientAuth\n"
key leaf 2048 prime256v1
sign leaf inter "/CN=$host" "subjectAltName=DNS:$host,DNS:www.$host\nextendedKeyUsage=serverAuth,clientAuth\ncertificatePolicies=2.23.140.1.2.1\n"

# The library is linked statically, so that the allocation calls inside of it can be taken over by the linker.
"$here/../linux/build.sh" "$work/rec"
# shellcheck disable=SC2046
cc -std=c11 -O2 -fno-optimize-sibling-calls -Wall -Wextra -Werror "$here/client.c" -o "$work/client" \
    -Wl,-Bstatic -lmbedtls -lmbedx509 -lmbedcrypto -Wl,-Bdynamic $(cat "$work/rec/hscapture.flags")

# The server answers a page of its own and ends by itself after 30 seconds; port 0: the system chooses.
cd "$work"
timeout 30 openssl s_server -accept 127.0.0.1:0 -naccept 1 -tls1_2 -groups "$group" -cipher "$ciphers" -www \
    -cert leaf.pem -key leaf.key -cert_chain inter.pem >server.log 2>&1 </dev/null &
server=$!
cd - >/dev/null
tries=0
until port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$work/server.log") && [ -n "$port" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ]; then
        cat "$work/server.log" >&2
        exit 1
    fi
    sleep 0.1
done
# shellcheck disable=SC2086
HS_TRACE=$work/tls.trace HS_OWNERS='libc.so*:*=-,*:mbedtls_*=mbedtls' \
    timeout 30 "$work/client" "$host" "$port" ${verify:+"$work/root.pem"} >"$work/said"
cat "$work/said"

# What was captured, said in the header.
version=$(openssl version | cut -d' ' -f2)
library=$(dpkg-query -W -f='${Version}' libmbedtls-dev 2>/dev/null || echo "of this host")
der() { openssl x509 -in "$work/$1.pem" -outform DER | wc -c; }
awk -v library="$library" -v server="OpenSSL $version s_server, TLS 1.2, group $group" -v suite="$(sed 's/.* by //' "$work/said")" \
    -v chain="$keys, leaf $(der leaf) and intermediate $(der inter) bytes of DER" -v checked="${verify:+with verification}" '
    /^title / { $0 = "title   https request, mbedTLS of the host (" suite ")" }
    /^source  program/ {
        print "source  mbedTLS " library " (host build, static), recorded by link-time wrap; captured by scripts/capture/tls"
        print "source  server " server "; chain: " chain "; client " (checked ? checked : "without verification")
        next
    }
    { print }' "$work/tls.trace" >"$out.part"
mv "$out.part" "$out"
