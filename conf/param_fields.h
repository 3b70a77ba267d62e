/* param_fields - the structs that hold the parameters' values */

#ifndef CONF_PARAM_FIELDS_H
#define CONF_PARAM_FIELDS_H

#include <stdbool.h>

struct param_area;

/* The fields: struct conf_smtpd { int smtpd_error_sleep_time; ... } */
#define PARAM_BOOL(name, ...)	bool		 name;
#define PARAM_INT(name, ...)	int		 name;
#define PARAM_LONG(name, ...)	long		 name;
#define PARAM_TIME(name, ...)	int		 name;	/* seconds */
#define PARAM_DELAY(name, ...)	long		 name;	/* milliseconds */
#define PARAM_STR(name, ...)	const char	*name;
#define PARAM_RAW(name, ...)	const char	*name;
#define PARAM_STR_AS(field, ...) const char	*field;

struct conf_smtpd {
#include "conf/smtpd.def"
};

struct conf_smtp {
#include "conf/smtp.def"
};

struct conf_lmtp {
#include "conf/lmtp.def"
};

struct conf_postscreen {
#include "conf/postscreen.def"
};

struct conf_tls {
#include "conf/tls.def"
};

struct conf_milter {
#include "conf/milter.def"
};

struct conf_qmgr {
#include "conf/qmgr.def"
};

struct conf_mail {
#include "conf/mail.def"
};

#include "conf/param_undef.h"

/* How many they are. */
#define PARAM_BOOL(...)		+ 1
#define PARAM_INT(...)		+ 1
#define PARAM_LONG(...)		+ 1
#define PARAM_TIME(...)		+ 1
#define PARAM_DELAY(...)	+ 1
#define PARAM_STR(...)		+ 1
#define PARAM_RAW(...)		+ 1
#define PARAM_STR_AS(...)	+ 1
#define BEGIN(area)

enum { PARAM_COUNT = 0
#include "conf/all.def"
};

#include "conf/param_undef.h"
#undef BEGIN

/* Set by conf_load() and constant from then on. */
extern struct conf_smtpd	conf_smtpd;
extern struct conf_smtp		conf_smtp;
extern struct conf_lmtp		conf_lmtp;
extern struct conf_postscreen	conf_postscreen;
extern struct conf_tls		conf_tls;
extern struct conf_milter	conf_milter;
extern struct conf_qmgr		conf_qmgr;
extern struct conf_mail		conf_mail;

extern const struct param_area	param_smtpd, param_smtp, param_lmtp,
				param_postscreen, param_tls, param_milter,
				param_qmgr, param_mail;

#endif
