/* SPDX-License-Identifier: BSD-2-Clause */
/* NSS over an I/O layer of our own at the bottom, where it has a socket else. */
#include <cert.h>
#include <keyhi.h>
#include <nspr.h>
#include <nss.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <pk11pub.h>
#include <ssl.h>
#include <sslproto.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

struct pipe_ends {
    struct wire *in, *out;
    PRIOMethods methods;
    PRFileDesc *fd;
};

struct ends {
    CERTCertificate *cert;
    SECKEYPrivateKey *key;
    struct pipe_ends client, server;
};

static PRInt32 put(PRFileDesc *fd, const void *bytes, PRInt32 len, PRIntn flags,
                   PRIntervalTime timeout)
{
    struct pipe_ends *end = (void *)fd->secret;

    (void)flags;
    (void)timeout;
    if (wire_put(end->out, bytes, (size_t)len))
        return len;
    PR_SetError(PR_WOULD_BLOCK_ERROR, 0);
    return -1;
}

static PRInt32 get(PRFileDesc *fd, void *bytes, PRInt32 len, PRIntn flags, PRIntervalTime timeout)
{
    struct pipe_ends *end = (void *)fd->secret;
    size_t got = wire_get(end->in, bytes, (size_t)len);

    (void)flags;
    (void)timeout;
    if (got > 0)
        return (PRInt32)got;
    PR_SetError(PR_WOULD_BLOCK_ERROR, 0);
    return -1;
}

/* That there is one says that this is connected. */
static PRStatus peer_of(PRFileDesc *fd, PRNetAddr *address)
{
    (void)fd;
    memset(address, 0, sizeof *address);
    return PR_InitializeNetAddr(PR_IpAddrLoopback, 443, address);
}

static PRStatus option_of(PRFileDesc *fd, PRSocketOptionData *data)
{
    (void)fd;
    data->value.non_blocking = PR_TRUE;
    return data->option == PR_SockOpt_Nonblocking ? PR_SUCCESS : PR_FAILURE;
}

static PRStatus take_option(PRFileDesc *fd, const PRSocketOptionData *data)
{
    (void)fd;
    (void)data;
    return PR_SUCCESS;
}

static PRStatus close_end(PRFileDesc *fd)
{
    fd->dtor(fd);
    return PR_SUCCESS;
}

static SECStatus trust(void *arg, PRFileDesc *fd, PRBool check_signature, PRBool is_server)
{
    (void)arg;
    (void)fd;
    (void)check_signature;
    (void)is_server;
    return SECSuccess;
}

/* TLS over `end`; the layer below has it as its secret. */
static bool make_end(struct pipe_ends *end, const struct setting *setting)
{
    static const uint16_t suites[2][CIPHERS] = {
        {TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
         TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
        {TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256}};
    const uint16_t version =
        setting->tls13 ? SSL_LIBRARY_VERSION_TLS_1_3 : SSL_LIBRARY_VERSION_TLS_1_2;
    const SSLVersionRange range = {version, version};

    end->methods = *PR_GetDefaultIOMethods();
    end->methods.send = put;
    end->methods.recv = get;
    end->methods.getpeername = peer_of;
    end->methods.getsocketoption = option_of;
    end->methods.setsocketoption = take_option;
    end->methods.close = close_end;
    PRFileDesc *below = PR_CreateIOLayerStub(PR_GetUniqueIdentity("wire"), &end->methods);
    if (below == NULL)
        return false;
    below->secret = (void *)end;
    end->fd = SSL_ImportFD(NULL, below);
    if (end->fd == NULL) {
        PR_Close(below);
        return false;
    }
    for (PRUint16 i = 0; i < SSL_NumImplementedCiphers; i++)
        (void)SSL_CipherPrefSet(end->fd, SSL_ImplementedCiphers[i], PR_FALSE);
    return SSL_CipherPrefSet(end->fd, suites[setting->tls13][setting->cipher], PR_TRUE) ==
               SECSuccess &&
           SSL_VersionRangeSet(end->fd, &range) == SECSuccess &&
           SSL_OptionSet(end->fd, SSL_NO_CACHE, PR_TRUE) == SECSuccess;
}

/* Of the certificate and the key that all have. */
static bool identify(struct ends *e, const struct identity *identity)
{
    SECItem cert = {siDERCertBuffer, (unsigned char *)(uintptr_t)identity->cert,
                    (unsigned)identity->cert_len};
    SECItem point = {siBuffer, (unsigned char *)(uintptr_t)identity->point, sizeof identity->point};
    BIO *bio = BIO_new_mem_buf(identity->key_pem, -1);
    PK11SlotInfo *slot = PK11_GetInternalSlot();
    char *name = NULL;
    char *header = NULL;
    unsigned char *key = NULL;
    long key_len = 0;
    bool ok = bio != NULL && slot != NULL && PEM_read_bio(bio, &name, &header, &key, &key_len) == 1;

    if (ok) {
        SECItem info = {siBuffer, key, (unsigned)key_len};
        e->cert = CERT_NewTempCertificate(CERT_GetDefaultCertDB(), &cert, NULL, PR_FALSE, PR_TRUE);
        ok = PK11_ImportDERPrivateKeyInfoAndReturnKey(slot, &info, NULL, &point, PR_FALSE, PR_FALSE,
                                                      KU_ALL, &e->key, NULL) == SECSuccess &&
             e->cert != NULL;
    }
    if (slot != NULL)
        PK11_FreeSlot(slot);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(key);
    BIO_free(bio);
    return ok;
}

static size_t nss_drop_server(void *self)
{
    struct ends *e = self;

    PR_Close(e->server.fd);
    e->server.fd = NULL;
    return 0;
}

static void nss_stop(void *self)
{
    struct ends *e = self;

    if (e->client.fd != NULL)
        PR_Close(e->client.fd);
    if (e->server.fd != NULL)
        PR_Close(e->server.fd);
    if (e->cert != NULL)
        CERT_DestroyCertificate(e->cert);
    if (e->key != NULL)
        SECKEY_DestroyPrivateKey(e->key);
    free(e);
}

static bool connect_ends(struct ends *e, const struct setting *setting)
{
    e->client.in = e->server.out = setting->down;
    e->client.out = e->server.in = setting->up;
    if (!identify(e, setting->identity) || !make_end(&e->client, setting) ||
        !make_end(&e->server, setting) ||
        SSL_ConfigServerCert(e->server.fd, e->cert, e->key, NULL, 0) != SECSuccess ||
        SSL_AuthCertificateHook(e->client.fd, trust, NULL) != SECSuccess ||
        SSL_SetURL(e->client.fd, "localhost") != SECSuccess ||
        SSL_ResetHandshake(e->client.fd, PR_FALSE) != SECSuccess ||
        SSL_ResetHandshake(e->server.fd, PR_TRUE) != SECSuccess)
        return false;
    SECStatus client = SECFailure;
    SECStatus server = SECFailure;
    for (int i = 0; i < 20 && (client != SECSuccess || server != SECSuccess); i++) {
        if (client != SECSuccess) /* one that is through would wait for more */
            client = SSL_ForceHandshake(e->client.fd);
        if (server != SECSuccess)
            server = SSL_ForceHandshake(e->server.fd);
    }
    return client == SECSuccess && server == SECSuccess;
}

static void *nss_start(const struct setting *setting)
{
    struct ends *e = calloc(1, sizeof *e);

    if (!NSS_IsInitialized() &&
        (NSS_NoDB_Init(NULL) != SECSuccess || NSS_SetDomesticPolicy() != SECSuccess)) {
        free(e);
        return NULL;
    }
    if (e != NULL && connect_ends(e, setting))
        return e;
    if (e != NULL)
        nss_stop(e);
    return NULL;
}

static bool nss_seal(void *self, const uint8_t *text, size_t len, size_t count)
{
    struct ends *e = self;

    for (size_t i = 0; i < count; i++)
        if (PR_Send(e->client.fd, text, (PRInt32)len, 0, PR_INTERVAL_NO_TIMEOUT) != (PRInt32)len)
            return false;
    return true;
}

static bool nss_open(void *self, uint8_t *room, size_t len, size_t count)
{
    struct ends *e = self;

    for (size_t i = 0; i < count; i++)
        if (PR_Recv(e->server.fd, room, (PRInt32)len, 0, PR_INTERVAL_NO_TIMEOUT) != (PRInt32)len)
            return false;
    return true;
}

static const char *version(void)
{
    return NSS_GetVersion();
}

const struct peer peer_nss = {
    .name = "nss",
    .version = version,
    .start = nss_start,
    .seal = nss_seal,
    .open = nss_open,
    .drop_server = nss_drop_server,
    .stop = nss_stop,
};
