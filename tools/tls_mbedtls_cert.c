/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls_mbedtls.h"

#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509.h>
#include <string.h>
#include <time.h>

/* SubjectAltName: DNS:localhost, IP:127.0.0.1, IP:::1 (RFC 5280 section 4.2.1.6). */
static const unsigned char own_names[] = {
    0x30, 35,                                                    /* SEQUENCE */
    0x82, 9,  'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't',       /* [2] dNSName */
    0x87, 4,  127, 0,   0,   1,                                  /* [7] iPAddress */
    0x87, 16, 0,   0,   0,   0,   0,   0,   0,   0,   0,   0, 0, /* [7] iPAddress */
    0,    0,  0,   0,   1,
};

static int set_serial(mbedtls_x509write_cert *writer, mbedtls_ctr_drbg_context *random)
{
    unsigned char serial[8];
    int code = mbedtls_ctr_drbg_random(random, serial, sizeof serial);
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, and no leading zero */
    if (code != 0) {
        return code;
    }
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_x509write_crt_set_serial_raw(writer, serial, sizeof serial);
#else
    mbedtls_mpi number;
    mbedtls_mpi_init(&number);
    code = mbedtls_mpi_read_binary(&number, serial, sizeof serial);
    if (code == 0) {
        code = mbedtls_x509write_crt_set_serial(writer, &number);
    }
    mbedtls_mpi_free(&number);
    return code;
#endif
}

static int set_validity(mbedtls_x509write_cert *writer)
{
    char from[16] = "", to[16] = "";
    time_t start = time(NULL) - 3600, end = start + 3600 + 86400;
    struct tm broken;
    (void)strftime(from, sizeof from, "%Y%m%d%H%M%S", gmtime_r(&start, &broken));
    (void)strftime(to, sizeof to, "%Y%m%d%H%M%S", gmtime_r(&end, &broken));
    return mbedtls_x509write_crt_set_validity(writer, from, to);
}

static int fill(mbedtls_x509write_cert *writer, mbedtls_pk_context *key,
                mbedtls_ctr_drbg_context *random)
{
    mbedtls_x509write_crt_set_version(writer, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(writer, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(writer, key);
    mbedtls_x509write_crt_set_issuer_key(writer, key);
    int code = mbedtls_x509write_crt_set_subject_name(writer, "CN=localhost");
    code = code != 0 ? code : mbedtls_x509write_crt_set_issuer_name(writer, "CN=localhost");
    code = code != 0 ? code : set_serial(writer, random);
    code = code != 0 ? code : set_validity(writer);
    return code != 0
               ? code
               : mbedtls_x509write_crt_set_extension(writer, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                                     MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME),
                                                     0, own_names, sizeof own_names);
}

int tls_mbedtls_self_signed(mbedtls_x509_crt *cert, mbedtls_pk_context *key,
                            mbedtls_ctr_drbg_context *random)
{
    unsigned char der[2048];
    int code = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (code == 0) {
        code = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key),
                                   mbedtls_ctr_drbg_random, random);
    }
    if (code != 0) {
        return code;
    }
    mbedtls_x509write_cert writer;
    mbedtls_x509write_crt_init(&writer);
    code = fill(&writer, key, random);
    if (code == 0) {
        code = mbedtls_x509write_crt_der(&writer, der, sizeof der, mbedtls_ctr_drbg_random, random);
    }
    mbedtls_x509write_crt_free(&writer);
    /* It writes to the end of the buffer and answers the length. */
    return code <= 0
               ? code
               : mbedtls_x509_crt_parse_der(cert, der + sizeof der - (size_t)code, (size_t)code);
}

/* The content of the SubjectAltName extension, [*p, *end). */
static bool find_names(const mbedtls_x509_crt *cert, unsigned char **p, unsigned char **end)
{
    const int sequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
    unsigned char *at = cert->v3_ext.p, *stop = at + cert->v3_ext.len;
    size_t len = 0;
    if (at == NULL || mbedtls_asn1_get_tag(&at, stop, &len, sequence) != 0) {
        return false;
    }
    while (at < stop && mbedtls_asn1_get_tag(&at, stop, &len, sequence) == 0) {
        unsigned char *next = at + len;
        int critical = 0;
        if (mbedtls_asn1_get_tag(&at, next, &len, MBEDTLS_ASN1_OID) != 0) {
            return false;
        }
        bool found = len == MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME) &&
                     memcmp(at, MBEDTLS_OID_SUBJECT_ALT_NAME, len) == 0;
        at += len;
        (void)mbedtls_asn1_get_bool(&at, next, &critical);
        if (found && mbedtls_asn1_get_tag(&at, next, &len, MBEDTLS_ASN1_OCTET_STRING) == 0 &&
            mbedtls_asn1_get_tag(&at, next, &len, sequence) == 0) {
            *p = at;
            *end = at + len;
            return true;
        }
        at = next;
    }
    return false;
}

bool tls_mbedtls_names_address(const mbedtls_x509_crt *cert, const uint8_t *address, size_t len)
{
    unsigned char *at = NULL, *end = NULL;
    if (!find_names(cert, &at, &end)) {
        return false;
    }
    while (at < end) {
        unsigned char tag = *at++;
        size_t n = 0;
        if (mbedtls_asn1_get_len(&at, end, &n) != 0) {
            return false;
        }
        if (tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7) && n == len &&
            memcmp(at, address, len) == 0) {
            return true;
        }
        at += n;
    }
    return false;
}
