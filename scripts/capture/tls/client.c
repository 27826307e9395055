/* One https request with mbedTLS: connect, handshake, GET, read all, close. Phases tell the
 * recorder where it stands. usage: client HOST PORT [CA.pem] */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>

void hs_capture_phase(const char *name) __attribute__((weak));
void hs_capture_mark(const char *name) __attribute__((weak));

struct client {
    mbedtls_net_context net;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    mbedtls_x509_crt roots;
};

static void phase(const char *name)
{
    if (hs_capture_phase) {
        hs_capture_phase(name);
    }
}

static int failed(const char *what, int error)
{
    fprintf(stderr, "client: %s: error -0x%04x\n", what, (unsigned)-error);
    return 1;
}

/* TLS 1.2 and no verification unless a root is given, as MicroPython's ssl module does by default.
 */
static int configure(struct client *client, const char *host, const char *root)
{
    int error =
        mbedtls_ctr_drbg_seed(&client->random, mbedtls_entropy_func, &client->entropy, NULL, 0);
    if (error == 0) {
        error =
            mbedtls_ssl_config_defaults(&client->config, MBEDTLS_SSL_IS_CLIENT,
                                        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    }
    if (error == 0 && root) {
        error = mbedtls_x509_crt_parse_file(&client->roots, root);
    }
    if (error != 0) {
        return failed("configuration", error);
    }
    mbedtls_ssl_conf_authmode(&client->config,
                              root ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_ca_chain(&client->config, root ? &client->roots : NULL, NULL);
    mbedtls_ssl_conf_rng(&client->config, mbedtls_ctr_drbg_random, &client->random);
    phase("wrap");
    error = mbedtls_ssl_setup(&client->ssl, &client->config);
    if (error == 0) {
        error = mbedtls_ssl_set_hostname(&client->ssl, host);
    }
    mbedtls_ssl_set_bio(&client->ssl, &client->net, mbedtls_net_send, mbedtls_net_recv, NULL);
    return error == 0 ? 0 : failed("setup", error);
}

static int transfer(struct client *client, const char *host)
{
    char request[256];
    unsigned char answer[512];
    size_t total = 0;
    snprintf(request, sizeof request, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", host);
    int count = mbedtls_ssl_write(&client->ssl, (const unsigned char *)request, strlen(request));
    while (count > 0) {
        count = mbedtls_ssl_read(&client->ssl, answer, sizeof answer);
        total += count > 0 ? (size_t)count : 0;
    }
    if (count != 0 && count != MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        return failed("transfer", count);
    }
    printf("%zu bytes by %s\n", total, mbedtls_ssl_get_ciphersuite(&client->ssl));
    return total > 0 ? 0 : 1;
}

static int connection(struct client *client, const char *host, const char *port, const char *root)
{
    int error = mbedtls_net_connect(&client->net, "127.0.0.1", port, MBEDTLS_NET_PROTO_TCP);
    if (error != 0) {
        return failed("connect", error);
    }
    if (configure(client, host, root) != 0) {
        return 1;
    }
    phase("handshake");
    do {
        error = mbedtls_ssl_handshake(&client->ssl);
    } while (error == MBEDTLS_ERR_SSL_WANT_READ || error == MBEDTLS_ERR_SSL_WANT_WRITE);
    if (error != 0) {
        return failed("handshake", error);
    }
    phase("transfer");
    if (transfer(client, host) != 0) {
        return 1;
    }
    phase("close");
    mbedtls_ssl_close_notify(&client->ssl);
    return 0;
}

int main(int count, char **arguments)
{
    static struct client client;
    if (count < 3) {
        fprintf(stderr, "usage: client HOST PORT [CA.pem]\n");
        return 2;
    }
    mbedtls_net_init(&client.net);
    mbedtls_entropy_init(&client.entropy);
    mbedtls_ctr_drbg_init(&client.random);
    mbedtls_ssl_config_init(&client.config);
    mbedtls_ssl_init(&client.ssl);
    mbedtls_x509_crt_init(&client.roots);
    const int status =
        connection(&client, arguments[1], arguments[2], count > 3 ? arguments[3] : NULL);
    mbedtls_ssl_free(&client.ssl);
    mbedtls_ssl_config_free(&client.config);
    mbedtls_x509_crt_free(&client.roots);
    mbedtls_ctr_drbg_free(&client.random);
    mbedtls_entropy_free(&client.entropy);
    mbedtls_net_free(&client.net);
    return status;
}
