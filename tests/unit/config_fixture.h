/* Configurations in a folder of their own, and what is wrong with them. */
#ifndef BATON_TESTS_CONFIG_FIXTURE_H
#define BATON_TESTS_CONFIG_FIXTURE_H

#include "config/config.h"

#include <sys/stat.h>

#define NODES                                                                                      \
    "<node name='server01' address='10.9.0.1' priority='1'><ssh/></node>\n"                        \
    "<node name='server02' address='10.9.0.2' priority='2'><local/></node>\n"
#define POLICY        "<policy file='p.lua'/>\n"
#define GROUP(inside) "<baton>\n<group name='mail'>\n" inside "</group>\n</baton>\n"
#define TOP(inside)   "<baton>\n" inside "<group name='mail'>\n" POLICY NODES "</group>\n</baton>\n"
#define GOOD          GROUP(POLICY NODES)

extern char directory[200];
extern struct config *config; /* that was loaded last */
extern struct baton_error error;

void config_setup(void); /* with a policy "p.lua" in the folder */
void config_teardown(void);

const char *in(const char *name); /* its path there; until the next call */
void put(const char *name, const char *text, size_t len, mode_t mode);

enum baton_err load_bytes(const char *text, size_t len);
enum baton_err load(const char *text);
enum baton_err load_as(const char *text, const char *self); /* config_load_as */
void loads(const char *text);
void says(const char *text); /* the error */
/* Refused, with `line` and `text` in the error; line 0: none. */
void refused(const char *xml, int line, const char *text);

#endif
