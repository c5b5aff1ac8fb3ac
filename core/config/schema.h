/* The schema's word on a document. libxml2's RELAX NG validator decides; but its messages
 * ("Element group failed to validate content") help nobody, so a walk over document and
 * schema side by side says what is wrong first. */
#ifndef BATON_CONFIG_SCHEMA_H
#define BATON_CONFIG_SCHEMA_H

#include "config/report.h"

#include <libxml/tree.h>

/* Unknown, missing, doubled elements and attributes, and words that aren't among those
 * allowed, each with what is allowed there. */
void schema_explain(const xmlDoc *doc, const char *file, struct report *report);

/* The validator. Speaks only where `report` is still empty. */
void schema_validate(xmlDoc *doc, const char *file, struct report *report);

#endif
