#pragma once
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

// Variadic functions and macros that Swift does not import.
static inline CURLcode ccurl_set_long(CURL *transfer, CURLoption option, long value) {
  return curl_easy_setopt(transfer, option, value);
}
static inline CURLcode ccurl_set_text(CURL *transfer, CURLoption option, const char *value) {
  return curl_easy_setopt(transfer, option, value);
}
static inline CURLcode ccurl_set_pointer(CURL *transfer, CURLoption option, void *value) {
  return curl_easy_setopt(transfer, option, value);
}
static inline CURLcode ccurl_set_write(CURL *transfer, size_t (*write)(char *, size_t, size_t, void *)) {
  return curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, write);
}
static inline CURLcode ccurl_set_opener(CURL *transfer,
                                        curl_socket_t (*open)(void *, curlsocktype,
                                                              struct curl_sockaddr *)) {
  return curl_easy_setopt(transfer, CURLOPT_OPENSOCKETFUNCTION, open);
}
static inline CURLcode ccurl_get_long(CURL *transfer, CURLINFO info, long *value) {
  return curl_easy_getinfo(transfer, info, value);
}
static inline CURLMcode ccurl_multi_set_long(CURLM *transfers, CURLMoption option, long value) {
  return curl_multi_setopt(transfers, option, value);
}
static inline CURLcode ccurl_initialize(void) { return curl_global_init(CURL_GLOBAL_ALL); }

// The address that a connection is about to be made to, in network order: 4 or 16 bytes, or 0 bytes
// of a family that is not spoken.
static inline int ccurl_address(const struct curl_sockaddr *address, unsigned char bytes[16]) {
  if (address->family == AF_INET) {
    const struct sockaddr_in *plain = (const struct sockaddr_in *)&address->addr;
    __builtin_memcpy(bytes, &plain->sin_addr, 4);
    return 4;
  }
  if (address->family == AF_INET6) {
    const struct sockaddr_in6 *plain = (const struct sockaddr_in6 *)&address->addr;
    __builtin_memcpy(bytes, &plain->sin6_addr, 16);
    return 16;
  }
  return 0;
}
static inline curl_socket_t ccurl_open(const struct curl_sockaddr *address) {
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}
static const curl_socket_t CCURL_REFUSED = CURL_SOCKET_BAD;
