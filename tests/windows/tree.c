/* A node is { type = "…", [1..n] = named children, text = "…" of a leaf and of what interpreters
 * want to read whole, line = N, fields = { name = child } }. */
#include "lab.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <tree_sitter/api.h>

const TSLanguage *tree_sitter_powershell(void);

#define DEPTH_MAX 400

static void push_node(lua_State *L, TSTreeCursor *cursor, const char *text, int depth)
{
    TSNode node = ts_tree_cursor_current_node(cursor);
    uint32_t from = ts_node_start_byte(node), to = ts_node_end_byte(node);
    int count = 0;

    luaL_checkstack(L, 8, "a script that nests too deep");
    lua_newtable(L);
    lua_pushstring(L, ts_node_type(node));
    lua_setfield(L, -2, "type");
    lua_pushlstring(L, text + from, to - from);
    lua_setfield(L, -2, "text");
    lua_pushinteger(L, (lua_Integer)ts_node_start_point(node).row + 1);
    lua_setfield(L, -2, "line");
    lua_newtable(L); /* words between the named children: operators, keywords */
    lua_newtable(L); /* fields */
    if (depth < DEPTH_MAX && ts_tree_cursor_goto_first_child(cursor)) {
        int words = 0;

        do {
            TSNode child = ts_tree_cursor_current_node(cursor);
            const char *field = ts_tree_cursor_current_field_name(cursor);

            if (!ts_node_is_named(child)) {
                lua_pushstring(L, ts_node_type(child));
                lua_rawseti(L, -3, ++words);
                continue;
            }
            push_node(L, cursor, text, depth + 1);
            if (field != NULL) {
                lua_pushvalue(L, -1);
                lua_setfield(L, -3, field);
            }
            lua_rawseti(L, -4, ++count);
        } while (ts_tree_cursor_goto_next_sibling(cursor));
        ts_tree_cursor_goto_parent(cursor);
    }
    lua_setfield(L, -3, "fields");
    lua_setfield(L, -2, "words");
}

/* The first thing that the grammar does not know. */
static bool find_error(TSTreeCursor *cursor, TSPoint *at)
{
    TSNode node = ts_tree_cursor_current_node(cursor);

    if (ts_node_is_missing(node) || strcmp(ts_node_type(node), "ERROR") == 0) {
        *at = ts_node_start_point(node);
        return true;
    }
    if (ts_node_has_error(node) && ts_tree_cursor_goto_first_child(cursor)) {
        do {
            if (find_error(cursor, at)) {
                return true;
            }
        } while (ts_tree_cursor_goto_next_sibling(cursor));
        ts_tree_cursor_goto_parent(cursor);
    }
    return false;
}

int tree_parse(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    TSParser *parser = ts_parser_new();
    TSTree *tree = NULL;
    TSTreeCursor cursor;
    TSPoint at = {0, 0};

    if (ts_parser_set_language(parser, tree_sitter_powershell())) {
        tree = ts_parser_parse_string(parser, NULL, text, (uint32_t)len);
    }
    ts_parser_delete(parser);
    if (tree == NULL) {
        return luaL_error(L, "the grammar and the library of tree-sitter don't fit together");
    }
    cursor = ts_tree_cursor_new(ts_tree_root_node(tree));
    if (ts_node_has_error(ts_tree_root_node(tree))) {
        find_error(&cursor, &at);
        lua_pushnil(L);
        lua_pushfstring(
            L, "line %d, column %d: no PowerShell", (int)at.row + 1, (int)at.column + 1);
        ts_tree_cursor_delete(&cursor);
        ts_tree_delete(tree);
        return 2;
    }
    push_node(L, &cursor, text, 0);
    ts_tree_cursor_delete(&cursor);
    ts_tree_delete(tree);
    return 1;
}
