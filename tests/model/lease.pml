/* The leased baton as a model for spin: can two nodes ever serve?
 *
 * In plain words. A store keeps one baton: who has it, and with which epoch. It is bound to the
 * lease of its holder, and is free when that lease runs out. Every node has a daemon, a service,
 * and a guardian that outlives the daemon. A daemon renews its lease, hears what the store says
 * (a "word"), takes the free baton (acquire), passes it on, or releases it. Among nodes with
 * failsafe a holder may also ask the others to keep still, and live on their promises. A daemon
 * may stall at any moment, also between deciding to start the service and doing it, and may be
 * killed and started again, when it has forgotten everything.
 *
 * Time goes in ticks, and anything may happen in between two of them, in any order. Who must
 * have done a thing by a certain time, a living daemon or the guardian, is modelled by time not
 * going on before it is done.
 *
 *     sent                              sent + TTL
 *      |--- serves ---|- GUARD -|- MARGIN -|
 *                     |         left = 0: nothing may serve
 *                     left = GUARD: the daemon has stopped; if not, the guardian does
 *
 * All at once has more states than a minute holds. What takes time is switched on by -D, each
 * without the others; what is off happens at once. Any may be had together, given the time.
 *   CLOCKS     a renewal and its answer take any time, or are lost; and a clock may lose or win
 *              a tick against the store's within each lease or promise, the dangerous way round
 *   MESSAGES   requests, answers and words take any time, or are lost. A request that its sender
 *              has given up, or whose sender has died, may still be carried out. No stalls
 *   FAILSAFE   the holder may ask the others
 *   N=3        three nodes, none of which passes the baton
 *   CALM       no daemon stalls or dies
 *   EPOCHS=3   it ends after the third grant; else after the second. The first is given
 *
 * The claims, asserted wherever a service starts: no other node serves, and what it serves
 * under is an epoch above all that other nodes have served under.
 *
 * What is left out: a machine that stands still as a whole, or a guardian that is killed while
 * the daemon stalls (for these there is the hardware watchdog), and a store that forgets.
 *
 * Each of these breaks a claim, and shows that the model can:
 *   NO_MARGIN     the lease is counted to its very end
 *   SMALL_MARGIN  the margin is for a late scheduler only, not for the clocks
 *   NO_GUARDIAN   a daemon that stalls or dies leaves its service running
 *   SPARED        the guardian stops the service, but not the stalled daemon, which wakes up
 *   FROM_ANSWER   the lease is counted from when the answer came, not from before it was sent
 *   BELIEVED      after a pass or release without an answer the next word is believed, although
 *                 that request may still be under way
 *   STALE         a word read before our own last transaction, or of our last lease, is believed
 *   SILENCE       failsafe: one node that does not answer is taken to have said yes
 *   FRESH         failsafe: the renewal of a new lease, that has no baton, proves something
 *   FORGOTTEN     failsafe: a daemon that was started again need not wait
 */

#ifndef N
#define N 2
#endif
#ifndef EPOCHS
#define EPOCHS 2
#endif

#ifdef MESSAGES
#define TTL    4
#else
#define TTL    5
#endif
#define GUARD  1
#if defined(NO_MARGIN)
#define MARGIN 0
#elif defined(SMALL_MARGIN)
#define MARGIN 1
#else
#define MARGIN 2 /* one tick for the clock, one for what happens in the last tick */
#endif
#define PROOF  (TTL - MARGIN) /* of one renewal, from when it was sent */
#define HOLD   (TTL + 1)      /* of a promise, from when it was asked for; + the drift */
#define NOBODY N

/* daemons */
#define UP      0
#define NEW     1 /* killed; or started again and waiting for the first word of the store */
#define STALLED 2

/* what travels; 0 is nothing */
#define ACQUIRE 1
#define RELEASE 2
#define PASS    3 /* + the taker */

#define THERE 1 /* on its way to the store */
#define OK    2 /* and back */
#define NO    3

/* words of the store, answers of the others */
#define MINE  1
#define FREE  2
#define OTHER 3
#define ASKED 1
#define YES   2

/* ---- The store ---- */

byte holder = 0, epoch = 1;
byte lease[N]; /* ticks that it has still; 0: gone */

/* ---- Nodes ---- */

byte daemon[N];
bool serves[N], starting[N]; /* starting: decided, not done */
byte left[N];                /* until nothing may serve here; the guardian knows it too */
bool left_slow[N];
bool holds[N]; /* it believes that it has the baton … */
byte with[N];  /* … of this epoch */
bool doubt[N]; /* a pass or release of ours may be under way still */

byte renewal[N], age[N];
bool age_slow[N];

byte request[N], stage[N], request_epoch[N]; /* the daemon waits for its end */
byte ghost[N], ghost_epoch[N];               /* nobody waits, but it may still arrive */

byte word[N], word_epoch[N];
bool word_old[N]; /* read before our own request was carried out */

#ifdef FAILSAFE
byte promise[N];
bool promise_fast[N];
bool vouched[N];    /* proven by the others */
bool lost_lease[N]; /* the store said that the lease was gone */
bool asking[N];
byte answer[N * N]; /* asker * N + asked */
byte asked_age[N];
bool asked_slow[N];
#define promised(i) (promise[i] > 0)
#define by_others(i) vouched[i]
#define lost(i) lost_lease[i]
#if N == 2
#define ASKER (1 - i)
#ifdef SILENCE
#define ENOUGH true
#else
#define ENOUGH (answer[i * N + 1 - i] == YES)
#endif
#else
#define ASKER  ((i + 1) % N)
#define ASKER2 ((i + 2) % N)
#ifdef SILENCE
#define ENOUGH (answer[i * N + ASKER] == YES || answer[i * N + ASKER2] == YES)
#else
#define ENOUGH (answer[i * N + ASKER] == YES && answer[i * N + ASKER2] == YES)
#endif
#endif
#else
#define promised(i) false
#define by_others(i) false
#define lost(i) false
#endif

/* ---- What has been, for the claims ---- */

byte top_epoch = 1, top_node;

#ifdef MESSAGES
#define FIRST_NODE N
#else
#define FIRST_NODE 0
#endif
#define lives(i)  (daemon[i] <= NEW)
#define idle(i)   (daemon[i] == UP && request[i] == 0)
#define out(i)    (!serves[i] && !starting[i])
#define proven(i) (left[i] > GUARD)

/* ---- Forgetting: what means nothing any more is zero, so that states are the same ---- */

inline forget_request(i)
{
    request[i] = 0;
    stage[i] = 0;
    request_epoch[i] = 0
}

inline forget_renewal(i)
{
    renewal[i] = 0;
    age[i] = 0;
    age_slow[i] = false
}

inline forget_word(i)
{
    word[i] = 0;
    word_epoch[i] = 0;
    word_old[i] = false
}

inline forget_proof(i)
{
    left[i] = 0;
    left_slow[i] = false
#ifdef FAILSAFE
    ;
    vouched[i] = false
#endif
}

inline forget_asking(i)
{
#ifdef FAILSAFE
    asking[i] = false;
    asked_age[i] = 0;
    asked_slow[i] = false;
    for (k : 0 .. N - 1) {
        answer[i * N + k] = 0
    }
    k = 0
#else
    skip
#endif
}

/* ---- The store: one process for what each node sends ---- */

inline carry_out(what, e)
{
    if
    :: what == ACQUIRE && holder == NOBODY && epoch + 1 == e && lease[i] > 0 ->
        holder = i;
        epoch = e;
        done = true
    :: what >= PASS && holder == i && epoch + 1 == e && lease[what - PASS] > 0 ->
        holder = what - PASS;
        epoch = e;
        done = true
    :: what == RELEASE && holder == i && epoch == e ->
        holder = NOBODY;
        done = true
    :: else -> done = false
    fi
}

inline read_word()
{
    word[i] = (holder == i -> MINE : (holder == NOBODY -> FREE : OTHER));
    word_epoch[i] = (word[i] == OTHER -> 0 : epoch)
}

#ifdef MESSAGES
active [N] proctype Store()
{
    byte i = _pid;
    bool done;

    serves[0];
    do
    :: d_step {
        stage[i] == THERE ->
        carry_out(request[i], request_epoch[i]);
        stage[i] = (done || request[i] != ACQUIRE -> OK : NO);
        word_old[i] = (word[i] != 0);
        done = false
    }
    :: d_step {
        ghost[i] != 0 ->
        carry_out(ghost[i], ghost_epoch[i]);
        ghost[i] = 0;
        ghost_epoch[i] = 0;
        done = false
    }
    :: d_step { /* lost on its way */
        ghost[i] != 0 ->
        ghost[i] = 0;
        ghost_epoch[i] = 0
    }
    :: d_step { /* read, and on its way to the node */
        word[i] == 0 && request[i] == 0 && lives(i) ->
        read_word()
    }
    od
}
#endif

/* ---- A node: its daemon, its guardian, and what befalls them ---- */

inline serve_under(e)
{
    for (k : 0 .. N - 1) {
        assert(k == i || !serves[k])
    }
    k = 0;
    assert(e > top_epoch || (e == top_epoch && top_node == i));
    top_epoch = e;
    top_node = i
}

/* The baton is ours with this epoch. */
inline take(e)
{
    holds[i] = true;
    with[i] = e;
    doubt[i] = false;
    if
    :: serves[i] -> serve_under(e)
    :: else
    fi
#ifdef FAILSAFE
    ;
    lost_lease[i] = false
#endif
}

/* It is not. A service that runs is stopped before the next tick. */
inline lose()
{
    holds[i] = false;
    with[i] = 0;
    doubt[i] = false;
    starting[i] = false;
    if
    :: !serves[i] -> forget_proof(i)
    :: else
    fi;
    forget_asking(i);
    if
    :: daemon[i] == NEW -> daemon[i] = UP
    :: else
    fi
}

inline send(what, e)
{
    request[i] = what;
    stage[i] = THERE;
    request_epoch[i] = e
}

/* A daemon that was started again, and finds the baton its own: where the service runs, nothing
 * was under way that ends the grant; else it may have been. */
inline believe()
{
    if
    :: word[i] == MINE && daemon[i] == NEW ->
        take(word_epoch[i]);
        doubt[i] = !serves[i];
        daemon[i] = UP
    :: word[i] == MINE && daemon[i] == UP && word_epoch[i] != with[i] -> take(word_epoch[i])
    :: word[i] == MINE && daemon[i] == UP && word_epoch[i] == with[i] ->
#ifdef BELIEVED
        doubt[i] = false
#else
        skip
#endif
    :: word[i] == FREE && serves[i] && (daemon[i] == NEW || by_others(i)) -> skip
    :: word[i] == FREE && !(serves[i] && (daemon[i] == NEW || by_others(i))) -> lose()
    :: word[i] == OTHER -> lose()
    fi
}

inline give_up()
{
    doubt[i] = (doubt[i] || (request[i] != ACQUIRE && holds[i]));
    forget_request(i)
}

/* The store has renewed the lease. That says of the baton only what is known of it. */
inline renewed()
{
    if
#ifdef FRESH
    :: true ->
#else
    :: (serves[i] && !holds[i]) || lost(i)
    :: else ->
#endif
#ifdef FAILSAFE
        vouched[i] = false;
#endif
#ifdef FROM_ANSWER
        left[i] = PROOF;
        left_slow[i] = false
#else
        left[i] = PROOF - age[i];
        left_slow[i] = age_slow[i]
#endif
    fi
}

/* It was gone, and the baton with it; a new one is made. */
inline lease_gone()
{
    if
    :: lease[i] == 0 -> lease[i] = TTL
    :: else
    fi;
#ifndef STALE
    forget_word(i); /* "mine" meant the old one */
#endif
    if
#ifdef FAILSAFE
    :: vouched[i] && serves[i] -> lost_lease[i] = true
    :: else -> lose()
#else
    :: true -> lose()
#endif
    fi
}

/* An answer. Who was told no when he gave the baton away hasn't got it any more. */
inline ended()
{
#ifndef STALE
    if
    :: word_old[i] -> forget_word(i)
    :: else
    fi;
#endif
    word_old[i] = false;
    if
    :: request[i] == ACQUIRE && stage[i] == OK ->
        take(request_epoch[i]);
        daemon[i] = UP
    :: request[i] == ACQUIRE && stage[i] == NO
    :: request[i] != ACQUIRE -> lose()
    fi
}

inline do_now(what, e)
{
    send(what, e);
    carry_out(request[i], request_epoch[i]);
    stage[i] = (done || request[i] != ACQUIRE -> OK : NO);
    done = false;
    ended();
    forget_request(i)
}

#ifdef MESSAGES
#define do_or_send send
#else
#define do_or_send do_now
#endif

/* What is under way stays so; the service and the guardian live on. */
inline die()
{
    if
    :: stage[i] == THERE && ghost[i] == 0 ->
        ghost[i] = request[i];
        ghost_epoch[i] = request_epoch[i]
    :: else
    fi;
    forget_request(i);
    forget_word(i);
    forget_renewal(i);
    lose();
#ifdef FAILSAFE
    vouched[i] = false;
    lost_lease[i] = false;
    promise[i] = 0;
    promise_fast[i] = false;
#endif
#ifdef NO_GUARDIAN
    forget_proof(i);
#endif
#if defined(FAILSAFE) && !defined(FORGOTTEN)
    promise[i] = HOLD;
#endif
    daemon[i] = NEW
}

active [N] proctype Node()
{
    byte i = _pid - FIRST_NODE, k;
    bool done;

    serves[0];
    do
    /* The lease. */
#ifdef CLOCKS
    :: d_step { lives(i) && renewal[i] == 0 && left[i] < PROOF -> renewal[i] = THERE }
    :: d_step {
        renewal[i] == THERE ->
        if
        :: lease[i] > 0 -> lease[i] = TTL; renewal[i] = OK
        :: else -> forget_renewal(i); renewal[i] = NO
        fi
    }
    :: d_step { lives(i) && renewal[i] == OK -> renewed(); forget_renewal(i) }
    :: d_step { lives(i) && renewal[i] == NO && request[i] == 0 -> lease_gone(); forget_renewal(i) }
    :: d_step { renewal[i] != 0 -> forget_renewal(i) } /* lost, or given up */
#else
    :: d_step {
        lives(i) && request[i] == 0 && (left[i] < PROOF || lease[i] < TTL) ->
        if
        :: lease[i] > 0 -> lease[i] = TTL; renewed()
        :: else -> lease_gone()
        fi
    }
#endif

    /* What the store says. To a free baton a node may stretch its hand. */
#ifdef MESSAGES
    :: d_step { lives(i) && word[i] != 0 && request[i] == 0 -> believe(); forget_word(i) }
    :: d_step {
        lives(i) && word[i] == FREE && request[i] == 0 && !promised(i) && word_epoch[i] < EPOCHS ->
        believe();
        send(ACQUIRE, word_epoch[i] + 1);
        forget_word(i)
    }
    :: d_step { word[i] != 0 -> forget_word(i) } /* lost */
#else
    :: d_step { lives(i) -> read_word(); believe(); forget_word(i) }
    :: d_step {
        lives(i) && holder == NOBODY && lease[i] > 0 && !promised(i) && epoch < EPOCHS ->
        read_word();
        believe();
        forget_word(i);
        do_now(ACQUIRE, epoch + 1)
    }
#endif

    /* The service: started, stopped for any reason; then the baton may be given away. */
    :: d_step {
        idle(i) && holds[i] && !doubt[i] && out(i) && proven(i) ->
        starting[i] = true
    }
    :: d_step {
        daemon[i] == UP && starting[i] ->
        starting[i] = false;
        serves[i] = true;
        serve_under(with[i])
    }
    :: d_step {
        lives(i) && serves[i] ->
        serves[i] = false;
        forget_asking(i);
        if
        :: !holds[i] -> forget_proof(i)
        :: else
        fi
    }
    :: d_step { idle(i) && holds[i] && out(i) -> do_or_send(RELEASE, with[i]) }
#if N == 2
    :: d_step {
        idle(i) && holds[i] && !doubt[i] && out(i) && with[i] < EPOCHS ->
        do_or_send(PASS + (1 - i), with[i] + 1)
    }
#endif

#ifdef MESSAGES
    /* How a request ended. */
    :: d_step { lives(i) && stage[i] > THERE -> ended(); forget_request(i) }
    :: d_step { /* given up, but it may be under way */
        lives(i) && stage[i] == THERE && ghost[i] == 0 ->
        ghost[i] = request[i];
        ghost_epoch[i] = request_epoch[i];
        give_up()
    }
    :: d_step { stage[i] != 0 && lives(i) -> give_up() } /* it, or its answer, is lost */
#endif

    /* What befalls it. */
#if !defined(MESSAGES) && !defined(CALM)
    :: d_step { daemon[i] == UP -> daemon[i] = STALLED }
    :: d_step { daemon[i] == STALLED -> daemon[i] = UP }
#endif
#ifndef CALM
    :: d_step { daemon[i] != NEW || !out(i) || request[i] != 0 -> die() }
#endif
#ifdef FAILSAFE
    /* The holder asks the others, and they answer. A no is a silence. */
    :: d_step {
        daemon[i] == UP && holds[i] && serves[i] && left[i] > 0 && !asking[i] ->
        asking[i] = true;
        for (k : 0 .. N - 1) {
            answer[i * N + k] = (k == i -> YES : ASKED)
        }
        k = 0
    }
    :: d_step {
        lives(i) && out(i) && !holds[i] && request[i] == 0 && answer[ASKER * N + i] == ASKED ->
        promise[i] = HOLD;
        promise_fast[i] = false;
        answer[ASKER * N + i] = YES
    }
#if N == 3
    :: d_step {
        lives(i) && out(i) && !holds[i] && request[i] == 0 && answer[ASKER2 * N + i] == ASKED ->
        promise[i] = HOLD;
        promise_fast[i] = false;
        answer[ASKER2 * N + i] = YES
    }
#endif
    :: d_step {
        daemon[i] == UP && asking[i] && holds[i] && serves[i] && ENOUGH ->
        if
        :: PROOF - asked_age[i] > left[i] ->
            left[i] = PROOF - asked_age[i];
            left_slow[i] = asked_slow[i];
            vouched[i] = true
        :: else
        fi;
        forget_asking(i)
    }
    :: d_step { daemon[i] == UP && asking[i] -> forget_asking(i) } /* given up */
#endif

    /* The guardian. It stops the service, after a daemon that does not answer. */
#ifndef NO_GUARDIAN
    :: d_step {
        !out(i) && left[i] <= GUARD && !(daemon[i] == UP && starting[i]) ->
        serves[i] = false;
#ifndef SPARED
        if
        :: daemon[i] == STALLED -> die()
        :: else
        fi;
#endif
        if
        :: !holds[i] -> forget_proof(i)
        :: else
        fi
    }
#endif
    od
}

/* ---- Time ---- */

#ifdef NO_GUARDIAN
#define guardian_owes(i) false
#else
#ifdef SPARED
#define guardian_owes(i) (serves[i] && left[i] == 0)
#else
#define guardian_owes(i) (!out(i) && left[i] == 0)
#endif
#endif
#define daemon_owes(i) \
    ((daemon[i] == UP && serves[i] && left[i] <= GUARD) || \
     (daemon[i] == UP && (starting[i] || (serves[i] && !holds[i]))))
#define owes(i) (guardian_owes(i) || daemon_owes(i))

#if N == 3
#define nobody_owes (!owes(0) && !owes(1) && !owes(2))
#else
#define nobody_owes (!owes(0) && !owes(1))
#endif

inline count_up(t, slow)
{
    if
    :: t++
#ifdef CLOCKS
    :: !slow -> slow = true
#endif
    fi
}

active proctype Clock()
{
    byte i, k;

    /* The first node has the baton, and has served for a long time. */
    d_step {
        lease[0] = TTL;
        left[0] = PROOF;
        holds[0] = true;
        with[0] = 1;
        serves[0] = true
    }
    do
    :: atomic {
        nobody_owes ->
        do
        :: i < N ->
            if
            :: left[i] > 0 -> left[i]--
#ifdef CLOCKS
            :: left[i] > 0 && !left_slow[i] -> left_slow[i] = true
#endif
            :: left[i] == 0
            fi;
            if
            :: left[i] == 0 -> left_slow[i] = false
            :: else
            fi;
            if
            :: renewal[i] == THERE || renewal[i] == OK -> count_up(age[i], age_slow[i])
            :: else
            fi;
            if
            :: age[i] >= PROOF -> forget_renewal(i)
            :: else
            fi;
            if
            :: lease[i] > 0 -> lease[i]--
            :: else
            fi;
            if
            :: lease[i] == 0 && holder == i -> holder = NOBODY
            :: else
            fi;
#ifdef FAILSAFE
            if
            :: promise[i] > 0 -> promise[i]--
#ifdef CLOCKS
            :: promise[i] > 1 && !promise_fast[i] ->
                promise[i] = promise[i] - 2;
                promise_fast[i] = true
#endif
            :: promise[i] == 0
            fi;
            if
            :: promise[i] == 0 -> promise_fast[i] = false
            :: else
            fi;
            if
            :: asking[i] -> count_up(asked_age[i], asked_slow[i])
            :: else
            fi;
            if
            :: asked_age[i] >= PROOF -> forget_asking(i)
            :: else
            fi;
#endif
            i++
        :: else -> break
        od;
        i = 0
    }
    od
}
