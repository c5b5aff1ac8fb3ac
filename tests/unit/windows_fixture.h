/* The Windows hosts of tests/windows on loopback, as a process of its own. */
#ifndef WINDOWS_FIXTURE_H
#define WINDOWS_FIXTURE_H

struct windows {
    int keep; /* the lab's standard input: it ends with us */
    int port[2], control;
};

/* server01 and server02 with DIR/cert.pem, DIR/key.pem and the password of DIR/password; the
 * account is "baton". Fails the test where it can't. */
void windows_up(struct windows *windows, const char *dir);
void windows_down(struct windows *windows);

/* Run a Lua chunk there: what it returns, as text, until the next call. */
const char *windows_lua(struct windows *windows, const char *chunk);

/* SHA-256 of DIR/cert.pem, as the configuration has it. */
void windows_fingerprint(const char *dir, char fingerprint[65]);

#endif
