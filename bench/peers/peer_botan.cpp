/* SPDX-License-Identifier: BSD-2-Clause */
/* Botan 2, whose channels are given what comes and call for what goes. It ends with TLS 1.2. */
#include <botan/auto_rng.h>
#include <botan/credentials_manager.h>
#include <botan/data_src.h>
#include <botan/pkcs8.h>
#include <botan/tls_callbacks.h>
#include <botan/tls_client.h>
#include <botan/tls_policy.h>
#include <botan/tls_server.h>
#include <botan/tls_session_manager.h>
#include <botan/version.h>
#include <botan/x509cert.h>
#include <cstring>
#include <memory>

#include "peer.h"

namespace tls = Botan::TLS;

namespace
{

/* What an end does with what it makes and finds. */
class End : public tls::Callbacks
{
  public:
    explicit End(wire *wire) : out(wire)
    {
    }

    void tls_emit_data(const uint8_t data[], size_t size) override
    {
        broken = broken || !wire_put(out, data, size);
    }

    void tls_record_received(uint64_t, const uint8_t data[], size_t size) override
    {
        broken = broken || room == nullptr || size != len;
        if (!broken)
            memcpy(room, data, size);
        records++;
    }

    void tls_alert(tls::Alert) override
    {
        broken = true;
    }

    bool tls_session_established(const tls::Session &) override
    {
        return false; /* not to be resumed */
    }

    void tls_verify_cert_chain(const std::vector<Botan::X509_Certificate> &,
                               const std::vector<std::shared_ptr<const Botan::OCSP::Response>> &,
                               const std::vector<Botan::Certificate_Store *> &, Botan::Usage_Type,
                               const std::string &, const tls::Policy &) override
    {
    }

    wire *out;
    uint8_t *room = nullptr;
    size_t len = 0, records = 0;
    bool broken = false;
};

class Credentials : public Botan::Credentials_Manager
{
  public:
    explicit Credentials(const identity *identity) : cert(identity->cert, identity->cert_len)
    {
        Botan::DataSource_Memory pem(identity->key_pem);
        key = Botan::PKCS8::load_key(pem);
    }

    std::vector<Botan::X509_Certificate> cert_chain(const std::vector<std::string> &,
                                                    const std::string &type,
                                                    const std::string &) override
    {
        if (type == "tls-server")
            return {cert};
        return {};
    }

    Botan::Private_Key *private_key_for(const Botan::X509_Certificate &, const std::string &,
                                        const std::string &) override
    {
        return key.get();
    }

    Botan::X509_Certificate cert;
    std::unique_ptr<Botan::Private_Key> key;
};

class Policy : public tls::Policy
{
  public:
    explicit Policy(cipher cipher) : chosen(cipher)
    {
    }

    std::vector<std::string> allowed_ciphers() const override
    {
        static const char *const names[CIPHERS] = {"AES-128/GCM", "AES-256/GCM",
                                                   "ChaCha20Poly1305"};
        return {names[chosen]};
    }

    cipher chosen;
};

struct Ends {
    explicit Ends(const setting *s)
        : credentials(s->identity), policy(s->cipher), at_client(s->up), at_server(s->down),
          up(s->up), down(s->down),
          server(new tls::Server(at_server, sessions, credentials, policy, random)),
          client(at_client, sessions, credentials, policy, random,
                 tls::Server_Information("localhost"), tls::Protocol_Version::TLS_V12)
    {
    }

    /* Hands `to` what lies on a wire. */
    static void carry(wire *from, tls::Channel &to)
    {
        const size_t len = from->len;

        to.received_data(from->bytes + from->taken, len - from->taken);
        from->taken = from->len = 0;
    }

    Botan::AutoSeeded_RNG random;
    tls::Session_Manager_Noop sessions;
    Credentials credentials;
    Policy policy;
    End at_client, at_server;
    wire *up, *down;
    std::unique_ptr<tls::Server> server;
    tls::Client client;
};

void *start(const setting *s)
try {
    if (s->tls13)
        return nullptr;
    auto ends = std::make_unique<Ends>(s);
    for (int i = 0; i < 10 && !(ends->client.is_active() && ends->server->is_active()); i++) {
        Ends::carry(ends->up, *ends->server);
        Ends::carry(ends->down, ends->client);
    }
    const bool good = ends->client.is_active() && ends->server->is_active();
    return good ? ends.release() : nullptr;
} catch (const std::exception &) {
    return nullptr;
}

bool seal(void *self, const uint8_t *text, size_t len, size_t count)
try {
    auto *ends = static_cast<Ends *>(self);

    for (size_t i = 0; i < count; i++)
        ends->client.send(text, len);
    return !ends->at_client.broken;
} catch (const std::exception &) {
    return false;
}

bool open(void *self, uint8_t *room, size_t len, size_t count)
try {
    auto *ends = static_cast<Ends *>(self);

    ends->at_server.room = room;
    ends->at_server.len = len;
    ends->at_server.records = 0;
    Ends::carry(ends->up, *ends->server);
    return !ends->at_server.broken && ends->at_server.records == count;
} catch (const std::exception &) {
    return false;
}

size_t drop_server(void *self)
{
    static_cast<Ends *>(self)->server.reset();
    return 0;
}

void stop(void *self)
{
    delete static_cast<Ends *>(self);
}

const char *version()
{
    return Botan::short_version_cstr();
}

} // namespace

const peer peer_botan = {"botan", version, start, seal, open, drop_server, stop, false};
