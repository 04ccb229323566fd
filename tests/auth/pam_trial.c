/* A PAM module that does what its arguments say, in their order: how modules behave that nobody would install. */
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int act(pam_handle_t *handle, int count, const char **words)
{
    int code = PAM_SUCCESS;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        if (!strcmp(word, "hang")) {
            for (;;)
                pause();
        } else if (!strcmp(word, "leave_one_behind")) {
            if (fork() == 0)
                for (;;)
                    pause();
        } else if (!strcmp(word, "start_one_in_a_session")) {
            if (fork() == 0) {
                setsid();
                for (;;)
                    pause();
            }
        } else if (!strcmp(word, "crash")) {
            *(volatile int *)0 = 1;
        } else if (!strcmp(word, "exit")) {
            exit(0);
        } else if (!strcmp(word, "leak")) {
            for (char *more; (more = malloc(1 << 20)) != NULL;)
                memset(more, 1, 1 << 20);
            return PAM_BUF_ERR;
        } else if (!strcmp(word, "close")) {
            for (int each = 3; each < 1024; each++)
                close(each);
        } else if (!strncmp(word, "say=", 4)) {
            pam_info(handle, "%s", word + 4);
        } else if (!strncmp(word, "noise=", 6)) {
            for (int each = atoi(word + 6); each > 0; each--)
                pam_error(handle, "noise \033[31m%0999d", each);
        } else if (!strncmp(word, "seen=", 5) || !strncmp(word, "hidden=", 7)) {
            char *answer = NULL;
            const char *want = strchr(word, '=') + 1, *prompt = strchr(want, ',') + 1;
            int style = word[0] == 's' ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF;
            if (pam_prompt(handle, style, &answer, "%s", prompt) != PAM_SUCCESS)
                return PAM_CONV_ERR;
            if (answer == NULL || strncmp(answer, want, prompt - want - 1) || answer[prompt - want - 1])
                code = PAM_AUTH_ERR;
            free(answer);
        } else if (!strcmp(word, "together")) {
            struct pam_message first = {PAM_TEXT_INFO, "three at once"}, second = {PAM_PROMPT_ECHO_OFF, "Password: "},
                               third = {PAM_PROMPT_ECHO_ON, "Colour? "};
            const struct pam_message *all[] = {&first, &second, &third};
            struct pam_response *given = NULL;
            const struct pam_conv *talk = NULL;
            pam_get_item(handle, PAM_CONV, (const void **)&talk);
            if (talk->conv(3, all, &given, talk->appdata_ptr) != PAM_SUCCESS || given == NULL)
                return PAM_CONV_ERR;
            if (strcmp(given[1].resp, "secret") || strcmp(given[2].resp, "blue"))
                code = PAM_AUTH_ERR;
            for (int each = 0; each < 3; each++)
                free(given[each].resp);
            free(given);
        } else if (!strncmp(word, "user=", 5)) {
            pam_set_item(handle, PAM_USER, word + 5);
        } else if (!strcmp(word, "ask_user")) {
            const char *user = NULL;
            pam_set_item(handle, PAM_USER, NULL);
            if (pam_get_user(handle, &user, NULL) != PAM_SUCCESS)
                return PAM_USER_UNKNOWN;
        } else if (!strcmp(word, "fail_slowly")) {
            pam_fail_delay(handle, 60 * 1000000);
            code = PAM_AUTH_ERR;
        } else if (!strncmp(word, "item=", 5)) {
            /* item=NUMBER,VALUE: refused unless that item is that */
            const void *value = NULL;
            pam_get_item(handle, atoi(word + 5), &value);
            if (value == NULL || strcmp(value, strchr(word, ',') + 1))
                code = PAM_PERM_DENIED;
        } else if (!strncmp(word, "put=", 4)) {
            pam_putenv(handle, word + 4);
        } else if (!strncmp(word, "has=", 4)) {
            char *name = strdup(word + 4), *value = strchr(name, ':');
            *value++ = 0;
            const char *found = pam_getenv(handle, name);
            if (found == NULL || strcmp(found, value))
                code = PAM_SESSION_ERR;
            free(name);
        } else if (!strncmp(word, "code=", 5)) {
            return atoi(word + 5);
        }
    }
    return code;
}

int pam_sm_authenticate(pam_handle_t *handle, int flags, int count, const char **words)
{
    (void)flags;
    return act(handle, count, words);
}

int pam_sm_acct_mgmt(pam_handle_t *handle, int flags, int count, const char **words)
{
    (void)flags;
    return act(handle, count, words);
}

int pam_sm_open_session(pam_handle_t *handle, int flags, int count, const char **words)
{
    (void)flags;
    return act(handle, count, words);
}

int pam_sm_close_session(pam_handle_t *handle, int flags, int count, const char **words)
{
    (void)flags;
    return act(handle, count, words);
}

int pam_sm_setcred(pam_handle_t *handle, int flags, int count, const char **words)
{
    (void)handle, (void)flags, (void)count, (void)words;
    return PAM_SUCCESS;
}
