/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client on NSS, the TLS library of Firefox, whose own tools set neither the record size nor a
 * KeyUpdate: stdin goes to the server, what comes from there to stdout. The server's certificate is
 * not looked at.
 *
 *     nss-client --list                 the suites it has, as four hexadecimal digits
 *     nss-client [options] PORT
 *       --suite HEX                     the one to offer; 13xx is TLS 1.3
 *       --size-limit N                  record_size_limit (RFC 8449)
 *       --update N [--request]          a KeyUpdate each N bytes, asking the server for one
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <nspr.h>
#include <nss.h>
#include <ssl.h>
#include <sslexp.h>
#include <sslproto.h>

static struct {
    PRFileDesc *socket;
    unsigned long suite, size_limit, update;
    bool request;
} client;

_Noreturn static void fail(const char *what)
{
    (void)fprintf(stderr, "nss-client: %s: %s\n", what, PR_ErrorToName(PR_GetError()));
    exit(1);
}

static SECStatus any_certificate(void *arg, PRFileDesc *fd, PRBool check, PRBool server)
{
    (void)arg, (void)fd, (void)check, (void)server;
    return SECSuccess;
}

static int list(void)
{
    for (unsigned i = 0; i < SSL_NumImplementedCiphers; i++)
        printf("%04x\n", SSL_ImplementedCiphers[i]);
    return 0;
}

static void set_up(PRUint16 port)
{
    bool tls13 = client.suite >> 8 == 0x13;
    PRUint16 version = tls13 ? SSL_LIBRARY_VERSION_TLS_1_3 : SSL_LIBRARY_VERSION_TLS_1_2;
    SSLVersionRange range = {version, version};
    PRNetAddr at;

    client.socket = SSL_ImportFD(NULL, PR_NewTCPSocket());
    if (client.socket == NULL || SSL_VersionRangeSet(client.socket, &range) != SECSuccess)
        fail("socket");
    for (unsigned i = 0; i < SSL_NumImplementedCiphers; i++)
        (void)SSL_CipherPrefSet(client.socket, SSL_ImplementedCiphers[i],
                                SSL_ImplementedCiphers[i] == client.suite);
    if (client.size_limit != 0 && SSL_OptionSet(client.socket, SSL_RECORD_SIZE_LIMIT,
                                                (PRIntn)client.size_limit) != SECSuccess)
        fail("record size limit");
    if (SSL_AuthCertificateHook(client.socket, any_certificate, NULL) != SECSuccess ||
        SSL_SetURL(client.socket, "localhost") != SECSuccess ||
        PR_InitializeNetAddr(PR_IpAddrLoopback, port, &at) != PR_SUCCESS ||
        PR_Connect(client.socket, &at, PR_INTERVAL_NO_TIMEOUT) != PR_SUCCESS)
        fail("connect");
    if (SSL_ForceHandshake(client.socket) != SECSuccess)
        fail("handshake");
}

/* A thread of its own: both directions at once. */
static void send_all(void *arg)
{
    static char block[16384];
    unsigned long since = 0;
    ssize_t got;

    (void)arg;
    while ((got = read(STDIN_FILENO, block, sizeof block)) > 0) {
        for (PRInt32 done = 0, put; done < got; done += put) {
            put = PR_Write(client.socket, block + done, (PRInt32)got - done);
            if (put <= 0)
                fail("write");
        }
        since += (unsigned long)got;
        if (client.update != 0 && since >= client.update) {
            since = 0;
            if (SSL_KeyUpdate(client.socket, client.request) != SECSuccess)
                fail("KeyUpdate");
        }
    }
    if (PR_Shutdown(client.socket, PR_SHUTDOWN_SEND) != PR_SUCCESS)
        fail("close");
}

static void receive_all(void)
{
    static char block[65536];
    PRInt32 got;

    while ((got = PR_Read(client.socket, block, sizeof block)) > 0)
        for (PRInt32 done = 0; done < got;) {
            ssize_t put = write(STDOUT_FILENO, block + done, (size_t)(got - done));
            if (put < 0 && errno != EINTR)
                exit(1);
            done += put < 0 ? 0 : (PRInt32)put;
        }
    if (got < 0)
        fail("read");
}

static const struct option names[] = {
    {"list", no_argument, NULL, 'l'},         {"suite", required_argument, NULL, 's'},
    {"update", required_argument, NULL, 'u'}, {"size-limit", required_argument, NULL, 'z'},
    {"request", no_argument, NULL, 'r'},      {NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == 'l')
            return list();
        if (option == 's')
            client.suite = strtoul(optarg, NULL, 16);
        else if (option == 'u')
            client.update = strtoul(optarg, NULL, 10);
        else if (option == 'z')
            client.size_limit = strtoul(optarg, NULL, 10);
        else if (option == 'r')
            client.request = true;
        else
            return 2;
    }
    if (optind + 1 != argc || client.suite == 0)
        return 2;
    (void)alarm(100); /* whatever hangs ends by itself */
    if (NSS_NoDB_Init(".") != SECSuccess || NSS_SetDomesticPolicy() != SECSuccess)
        fail("NSS");
    set_up((PRUint16)strtoul(argv[optind], NULL, 10));
    if (PR_CreateThread(PR_USER_THREAD, send_all, NULL, PR_PRIORITY_NORMAL, PR_GLOBAL_THREAD,
                        PR_UNJOINABLE_THREAD, 0) == NULL)
        fail("thread");
    receive_all();
    /* The server has closed. Its close_notify is answered, if stdin has not ended before. */
    (void)PR_Shutdown(client.socket, PR_SHUTDOWN_SEND);
    return 0;
}
