<?php
/* Debian's WordPress and its Akismet plugin, without a database: php wordpress.php WORDPRESS MUST_USE_PLUGIN PORT KEY.
 * What is real: the plugin's class, WordPress' HTTP, hooks and formatting. What is not: options are an array, the database is silent. */
error_reporting(E_ALL & ~E_DEPRECATED);
list(, $root, $must_use, $port, $key) = $argv;
define('ABSPATH', "$root/");
define('WPINC', 'wp-includes');
define('WP_CONTENT_DIR', "$root/wp-content");
define('POSSE_AKISMET', "http://127.0.0.1:$port");

class Silent_Database
{
    public $options = 'options', $commentmeta = 'commentmeta', $comments = 'comments', $suppress_errors = true;
    public function __call($name, $arguments)
    {
        return $name === 'get_results' || $name === 'get_col' ? array() : null;
    }
}
$wpdb = new Silent_Database();
$options = array('home' => 'http://blog.example', 'siteurl' => 'http://blog.example', 'blog_charset' => 'UTF-8', 'gmt_offset' => 0,
    'wordpress_api_key' => $key, 'akismet_ssl_disabled' => false, 'WPLANG' => '');

foreach (array('version', 'compat', 'load', 'class-wp-error', 'plugin', 'cache', 'class-wp-object-cache', 'functions', 'option',
    'formatting', 'kses', 'l10n', 'pomo/mo', 'link-template', 'general-template', 'class-wp-http', 'class-wp-http-streams',
    'class-wp-http-curl', 'class-wp-http-proxy', 'class-wp-http-cookie', 'class-wp-http-encoding', 'class-wp-http-response',
    'class-wp-http-requests-response', 'class-wp-http-requests-hooks', 'http') as $file) {
    if (is_file("$root/wp-includes/$file.php")) {
        require_once "$root/wp-includes/$file.php";
    }
}
wp_cache_init();
add_filter('pre_option', function ($before, $name) use ($options) { return array_key_exists($name, $options) ? $options[$name] : ''; }, 10, 2);

require $must_use;
$plugin = "$root/wp-content/plugins/akismet";
define('AKISMET_VERSION', '5.0.2');
define('AKISMET__PLUGIN_DIR', "$plugin/");
require "$plugin/class.akismet.php";
require "$plugin/class.akismet-admin.php";

$bad = 0;
function check($name, $wanted, $got)
{
    global $bad;
    $ok = $wanted === $got;
    $bad |= !$ok;
    echo $ok ? "ok $name\n" : "not ok $name: wanted " . json_encode($wanted) . ', got ' . json_encode($got) . "\n";
}
function ask($path, $comment)
{
    $comment += array('blog' => get_option('home'), 'blog_charset' => 'UTF-8', 'blog_lang' => 'en_US', 'user_ip' => '198.51.100.30',
        'user_agent' => 'Mozilla/5.0', 'comment_type' => 'comment', 'comment_author' => 'J' . "\xc3\xb6" . 'rg & Co', 'comment_author_email' => 'a@b.example');
    return Akismet::http_post(Akismet::build_query($comment), $path);
}
$spam = "Check out my channel and please subscribe! Free money for everybody,\r\nvisit http://x.example/ref?a=1&b=2 now";
$ham = "I went to the mountains last week & thought of this post, 100% good to read it again; <b>thanks</b>";

check('the plugin verifies its key', 'valid', Akismet::verify_key($key));
check('the plugin verifies another key', 'invalid', Akismet::verify_key('wrongwrongwr'));
$answer = ask('comment-check', array('comment_content' => $spam));
check('spam', 'true', $answer[1]);
check('the answer has an id', true, !empty($answer[0]['x-akismet-guid']));
check('ham', 'false', ask('comment-check', array('comment_content' => $ham))[1]);
check('an administrator', 'false', ask('comment-check', array('comment_content' => $spam, 'user_role' => 'administrator'))[1]);
$answer = ask('comment-check', array('comment_content' => $ham, 'honeypot_field_name' => 'hp', 'hp' => 'x'));
check('a honeypot', 'discard', $answer[0]['x-akismet-pro-tip']);
check('a report of spam', 'Thanks for making the web a better place.', ask('submit-spam', array('comment_content' => $ham))[1]);
check('a report of ham', 'Thanks for making the web a better place.', ask('submit-ham', array('comment_content' => $ham))[1]);
$user = Akismet_Admin::get_akismet_user($key);
check('the subscription', 'active', is_object($user) ? $user->status : $user);
$stats = Akismet_Admin::get_stats($key);
check('the numbers', true, isset($stats['all']->spam) && $stats['all']->spam >= 1);
check('the key goes', 'deactivated', Akismet::deactivate_key($key));
exit($bad);
