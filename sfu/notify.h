/*
 * Tells systemd (Type=notify) how far we are, if it asked: sd_notify(3)'s
 * datagram to $NOTIFY_SOCKET, without libsystemd.
 */
#ifndef HEARTH_SFU_NOTIFY_H
#define HEARTH_SFU_NOTIFY_H

/* state: "READY=1", "STOPPING=1". Does nothing without NOTIFY_SOCKET. */
void notify(const char *state);

#endif
