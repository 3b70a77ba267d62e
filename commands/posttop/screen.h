/* screen - a full terminal screen that is drawn again and again */

#ifndef COMMANDS_POSTTOP_SCREEN_H
#define COMMANDS_POSTTOP_SCREEN_H

void	screen_open(void);
void	screen_close(void);
void	screen_size(int *ret_rows, int *ret_columns);

/* Lines with newlines; headings, which begin with capitals, are bold. */
void	screen_show(const char *lines);

/* A key, or -1 after so long. */
int	screen_key(int wait_ms);

#endif
