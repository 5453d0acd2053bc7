<?php
/*
 * Plugin Name: Posse in place of akismet.com
 * Description: What the Akismet plugin asks of akismet.com goes to a Posse of one's own.
 */

/* Where posse.conf's akismet.listen is, as this web server sees it; wp-config.php may say so too. */
defined('POSSE_AKISMET') || define('POSSE_AKISMET', 'http://127.0.0.1:8180');

/* The plugin has no setting for its host: its requests are taken here, before WordPress sends them. */
add_filter('pre_http_request', function ($done, $args, $url) {
    $to = parse_url($url);
    $host = isset($to['host']) ? strtolower($to['host']) : '';
    if ($done !== false || !preg_match('/(^|\.)rest\.akismet\.com$/', $host)) {
        return $done;
    }
    $args['headers']['Host'] = $host; /* older plugins write the key before it */
    $path = (isset($to['path']) ? $to['path'] : '/') . (isset($to['query']) ? '?' . $to['query'] : '');
    return wp_remote_request(rtrim(POSSE_AKISMET, '/') . $path, $args);
}, 10, 3);
