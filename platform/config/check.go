package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/net/idna"

	"healthcare/platform/timezone"
)

// check validates every key. Errors: *Error, one line that names all invalid keys.
func (c Config) check() error {
	rules := map[string]error{ // in addition to those of the tags
		"secret_key":            c.SecretKey.Check(),
		"secret_key_previous":   checkPrevious(c.SecretKeyPrevious, c.PreviousSecrets()),
		"audit_key":             c.AuditKey.Check(),
		"audit_key_previous":    checkPrevious(c.AuditKeyPrevious, c.PreviousAuditKeys()),
		"database_url":          checkPostgresURL(c.DatabaseURL.Reveal()),
		"database_replica_urls": checkReplicaURLs(c),
		"mail_url":              checkMailURL(c),
		"mail_from":             checkOptional(c.MailFrom, checkMailFrom),
		"mail_dkim_selector":    checkDKIMSelector(c),
		"mail_dkim_key":         checkDKIMKey(c),
		"public_url":            checkOptional(c.PublicURL, checkPublicURL),
		"practice_name":         checkPracticeName(c.PracticeName),
		"quiet_hours":           checkQuietHours(c.QuietHours),
		"webhook_allow_private": checkEach(c.WebhookAllowPrivate, checkCIDR),
		"data_dir":              checkNotEmpty(c.DataDir),
		"time_zone":             checkTimeZone(c.TimeZone),
		"http_address":          checkHostPort(c.HTTPAddress),
		"metrics_address":       checkOptional(c.MetricsAddress, checkHostPort),
		"cors_origins":          checkEach(c.CORSOrigins, checkOrigin),
		"trusted_proxies":       checkEach(c.TrustedProxies, checkCIDR),
		"allowed_hosts":         checkEach(c.AllowedHosts, checkHost),
		"forwarded_header":      checkOneOf(strings.ToLower(c.ForwardedHeader), "x-forwarded-for", "forwarded"),
		"access_token_lifetime": checkWholeSeconds(c.AccessTokenLifetime),
		"password_hash_memory": checkRange(
			c.PasswordHashMemory, max(64, 8*c.PasswordHashParallelism), 256<<10,
		), // RFC 9106
	}
	var invalid []string
	fields := reflect.ValueOf(c)
	for i := range fields.NumField() {
		tag := fields.Type().Field(i).Tag
		key := tag.Get("koanf")
		err := rules[key]
		if err == nil {
			err = checkTag(tag, fields.Field(i).Interface())
		}
		if err != nil {
			invalid = append(invalid, keyError(key, err.Error()))
		}
	}
	return joinErrors(invalid)
}

// checkTag validates a value by its field's tag. It panics if a number or a duration has no range.
func checkTag(tag reflect.StructTag, value any) error {
	low, high, _ := strings.Cut(tag.Get("range"), ",")
	switch value := value.(type) {
	case int:
		return checkRange(value, must(strconv.Atoi(low)), must(strconv.Atoi(high)))
	case time.Duration:
		return checkRange(value, must(time.ParseDuration(low)), must(time.ParseDuration(high)))
	case string:
		if allowed, ok := tag.Lookup("oneof"); ok {
			return checkOneOf(value, strings.Split(allowed, ",")...)
		}
	}
	return nil
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// keyError returns an error text that names the key and its environment variable.
func keyError(key, reason string) string { return key + " (" + strings.ToUpper(key) + "): " + reason }

// joinErrors returns one error for all texts, or nil if all are valid. Errors: *Error.
func joinErrors(texts []string) error {
	if len(texts) == 0 {
		return nil
	}
	slices.Sort(texts)
	return errorf("%s", strings.Join(texts, "; "))
}

func checkRange[T int | time.Duration](v, low, high T) error {
	if v < low || v > high {
		return fmt.Errorf("must be between %v and %v", low, high)
	}
	return nil
}

func checkOneOf(v string, allowed ...string) error {
	if slices.Contains(allowed, v) {
		return nil
	}
	if i := slices.Index(allowed, ""); i >= 0 {
		allowed[i] = "empty"
	}
	last := len(allowed) - 1
	return fmt.Errorf("must be %s or %s", strings.Join(allowed[:last], ", "), allowed[last])
}

// checkWholeSeconds enforces the precision of a token's dates (RFC 7519, NumericDate).
func checkWholeSeconds(v time.Duration) error {
	if v%time.Second != 0 {
		return errors.New("must be whole seconds")
	}
	return nil
}

func checkNotEmpty(v string) error {
	if v == "" {
		return errors.New("must not be empty")
	}
	return nil
}

// checkPostgresURL validates the URL of a PostgreSQL server. Errors do not quote it, because it may contain a password.
func checkPostgresURL(url string) error {
	if url == "" {
		return nil
	}
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return errors.New("must start with postgres:// (empty: the embedded SQLite)")
	}
	conn, err := pgconn.ParseConfig(url)
	// A host with an @ starts with the end of a password, which later messages would show.
	if err != nil || strings.Contains(conn.Host, "@") ||
		slices.ContainsFunc(
			conn.Fallbacks, func(f *pgconn.FallbackConfig) bool { return strings.Contains(f.Host, "@") },
		) {
		return errors.New("is not an address such as postgres://user:password@host:5432/name " +
			"(special characters in the password are written %XX)")
	}
	return nil
}

// checkTimeZone accepts names of the IANA time zone database, except those that depend on the machine.
func checkTimeZone(name string) error {
	if _, err := timezone.Load(name); err != nil {
		return errors.New("must be a name of the IANA time zone database, such as UTC, Asia/Kolkata or Europe/Berlin")
	}
	return nil
}

func checkHostPort(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("must be host:port, such as 127.0.0.1:8000 or :8000")
	}
	return nil
}

// checkOptional validates a value unless it is empty.
func checkOptional(value string, check func(string) error) error {
	if value == "" {
		return nil
	}
	return check(value)
}

// checkEach returns the first error of check.
func checkEach(values []string, check func(string) error) error {
	for _, value := range values {
		if err := check(value); err != nil {
			return err
		}
	}
	return nil
}

// checkOrigin accepts scheme://host[:port] (RFC 6454). The wildcard * is rejected, because responses contain patient
// data.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ContainsAny(u.Host, "*,") ||
		u.Scheme+"://"+u.Host != origin {
		return fmt.Errorf("%q is not an origin such as https://app.clinic.example", origin)
	}
	return nil
}

func checkCIDR(text string) error {
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("%q is not a CIDR range such as 10.0.0.0/8", text)
	}
	if network.Addr().Is4In6() {
		return fmt.Errorf("%q is a range of IPv4 addresses: write it in their notation, such as 10.0.0.0/8", text)
	}
	return nil
}

var hostName = regexp.MustCompile(
	`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$`)

// checkHost validates an allowed host: "*" for every host, an address, or a name as in a Host header. A dot before the
// name includes its subdomains. A port is ignored.
func checkHost(host string) error {
	name := strings.TrimPrefix(host, ".")
	if before, port, err := net.SplitHostPort(name); err == nil && strings.Trim(port, "0123456789") == "" {
		name = before
	}
	if inside, isBracketed := strings.CutPrefix(name, "["); isBracketed && strings.HasSuffix(inside, "]") {
		name = strings.TrimSuffix(inside, "]")
	}
	_, err := netip.ParseAddr(name)
	switch ascii, idnaErr := idna.Lookup.ToASCII(name); {
	case host == "*" || err == nil && !strings.HasPrefix(host, "."):
		return nil
	case strings.Contains(host, "/"):
		return fmt.Errorf("%q is not a host name: leave out the scheme and the path", host)
	case strings.HasPrefix(host, "*."):
		return fmt.Errorf("%q: write %q for a domain and its subdomains", host, host[1:])
	case len(name) > 253 || !hostName.MatchString(name):
		if idnaErr == nil && hostName.MatchString(ascii) {
			return fmt.Errorf("%q: write it as clients send it, %q", host, ascii)
		}
		return fmt.Errorf("%q is not a host name such as api.clinic.example or .clinic.example", host)
	}
	return nil
}
