/* The values of a YAML file with their lines. Private to yaml_*.c. */
#ifndef HS_YAML_TREE_H
#define HS_YAML_TREE_H

#include "yaml_file.h"

#define HS_YAML_NO_NODE UINT32_MAX

typedef struct hs_yaml_node {
    char *key;     /* in a mapping; NULL in a list and at the root */
    char *text;    /* of a scalar, else NULL */
    uint32_t line; /* from 1: of the key, or of the value where there is no key */
    uint32_t parent;
    uint32_t first;    /* child */
    uint32_t last;     /* child */
    uint32_t next;     /* sibling */
    uint32_t children; /* their number */
    enum hs_yaml_kind kind;
} hs_yaml_node;

struct hs_yaml {
    char *path;
    char *text; /* of the file */
    size_t size;
    hs_yaml_node *nodes; /* node 0 is the root; none in an empty file */
    uint32_t count;
    uint32_t room;
};

/* Builds the nodes of yaml->text (yaml_tree.c). 0, or -1 with *error. */
int hs_yaml_build(hs_yaml *yaml, hs_error *error);

/* Child by key (a mapping) or by index (a list, key NULL); HS_YAML_NO_NODE when there is none. */
uint32_t hs_yaml_child(const hs_yaml *yaml, uint32_t node, const char *key, size_t key_size,
                       size_t index);

/* Writes the path of a node, cut to fit. */
void hs_yaml_path_of(const hs_yaml *yaml, uint32_t node, char *path, size_t size);

/* "a list", ... */
const char *hs_yaml_kind_name(enum hs_yaml_kind kind);

#endif
