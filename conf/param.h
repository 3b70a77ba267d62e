/* param - typed main.cf parameters, declared once in conf/<area>.def */

#ifndef CONF_PARAM_H
#define CONF_PARAM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Areas and their files follow the parameter's name:
 *
 *	conf_smtpd	smtpd_*			conf/smtpd.def
 *	conf_smtp	smtp_*			conf/smtp.def
 *	conf_lmtp	lmtp_*			conf/lmtp.def
 *	conf_postscreen	postscreen_*		conf/postscreen.def
 *	conf_tls	tls_*, tlsproxy_*	conf/tls.def
 *	conf_milter	milter_*		conf/milter.def
 *	conf_qmgr	qmgr_*, default_destination_*, default_delivery_slot_*,
 *			default_minimum_delivery_slots,
 *			default_*_recipient_limit, default_recipient_*	conf/qmgr.def
 *	conf_mail	everything else		conf/mail.def (conf/mail_*.def)
 *
 * A field has the parameter's name (conf_smtpd.smtpd_banner); a name that
 * begins with a digit gets "n_" in front (conf_mail.n_2bounce_notice_recipient).
 *
 * Field types: bool; int; long (PARAM_LONG); time: int in the parameter's
 * own unit of seconds unless its .def entry says otherwise; delay (a time
 * with a fraction, "0.5s"): long, milliseconds; string:
 * const char *, expanded, never NULL; raw string: const char *, $ not
 * expanded (expanded later by who uses it: banner-like texts, pipe macros).
 */
enum param_type {
	PARAM_BOOL, PARAM_INT, PARAM_LONG, PARAM_TIME, PARAM_DELAY, PARAM_STR,
	PARAM_RAW,
};

enum param_flag {
	UNLISTED = 1,	/* old, new or a template: known, but not among what
			   "postconf -d" lists */
	OURS = 4,	/* not Postfix's: "postconf -d" lists what scripts expect,
			   and shows these when they are asked for or set */
	COMPUTED = 2,	/* the default is found out at run time (computed.h) */
	CORE = 8,	/* commands look at it: see conf_load_core() */
};

/* One row of the tables. */
struct param {
	unsigned	 name, def;	/* see param_name(), param_def() */
	unsigned short	 offset;	/* of the value in the area's struct */
	unsigned char	 type;		/* enum param_type */
	char		 unit;		/* default unit of times: s m h d w */
	unsigned	 flags;
	long		 min, max;	/* value; length for strings; 0 max: none */
};

/* PARAM_COUNT rows, those of an area together. */
extern const struct param param_rows[];

struct param_area {
	const struct param	*begin, *end;
	void			*values;	/* the conf_* struct */
};

/* struct conf_smtpd ..., extern struct conf_smtpd conf_smtpd ..., and
 * extern const struct param_area param_smtpd ... follow here from *.def. */
#include "conf/param_fields.h"

/* The row of a name in any area, or NULL. */
const struct param *param_find(const char *name);

const char *param_name(const struct param *);

/* What .def says of its default: unexpanded, and of no meaning if it is
 * COMPUTED. */
const char *param_def(const struct param *);

/* Its default, unexpanded. */
const char *param_default(const struct param *);

#endif
