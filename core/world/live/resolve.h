/* Names to addresses, on the loop, within a bound of time.
 *
 * Nothing here blocks or makes a thread: evdns asks. Literal addresses are answered at once.
 */
#ifndef BATON_WORLD_LIVE_RESOLVE_H
#define BATON_WORLD_LIVE_RESOLVE_H

#endif
