/* Reading XML that nobody vouches for: no network, no DOCTYPE (so no entities, internal or
 * external, and no expansion), a bounded size. */
#ifndef BATON_CONFIG_XML_H
#define BATON_CONFIG_XML_H

#include "config/report.h"

#include <libxml/tree.h>

#define XML_SIZE_MAX ((size_t)1 << 20)

/* The document of a file, freed with xmlFreeDoc; NULL with what is wrong in `report`. */
xmlDoc *xml_read(const char *file, struct report *report);

/* An attribute's value, freed with free(); NULL if it isn't there. */
char *xml_attribute(const xmlNode *node, const char *name);

int xml_line(const xmlNode *node);

#endif
