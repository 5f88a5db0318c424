//! Programs that people use: web servers, browsers of the command line, git.

use std::fs;

use crate::{
    require,
    support::{HOST4, HOST6, Host, eventually, has},
};

/// Long enough to fill every buffer on the way many times over.
const LENGTH: usize = 64 << 20;

/// A web server on the host with a file `big`, and the file's hash.
fn web() -> (Host, String) {
    let mut host = Host::resolving();
    let dir = host.file("");
    let dir = dir.to_str().unwrap().trim_end_matches('/');
    host.sh(&format!(
        "mkdir {dir}/www && head -c {LENGTH} /dev/urandom > {dir}/www/big
         openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
             -subj /CN=example.test -keyout {dir}/key.pem -out {dir}/cert.pem 2>/dev/null"
    ));
    let listen = format!(
        "listen {HOST4}:80; listen [{HOST6}]:80;
         listen {HOST4}:443 ssl http2; listen [{HOST6}]:443 ssl http2;
         ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem;"
    );
    let config = config(dir, "off", &listen);
    fs::write(format!("{dir}/nginx.conf"), config).unwrap();
    host.start_server(&["nginx", "-c", &format!("{dir}/nginx.conf")], 80);
    let hash = host.sh(&format!("sha256sum < {dir}/www/big"));
    (host, hash)
}

fn config(dir: &str, access: &str, listen: &str) -> String {
    let template = include_str!("nginx.conf");
    template.replace("ACCESS", access).replace("LISTEN", listen).replace("DIR", dir)
}

#[test]
fn downloads_arrive_whole() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    require!(["nginx", "curl", "wget", "openssl"].into_iter().all(has), "nginx, curl, wget");
    let (host, hash) = web();
    for get in [
        format!("curl -sg http://{HOST4}/big"),
        format!("curl -sg 'http://[{HOST6}]/big'"),
        "curl -sk --http2 --fail https://example.test/big".into(),
        "wget -qO- http://example.test/big".into(),
    ] {
        host.run(&[], &["sh", "-c", &format!("{get} | sha256sum")]).stdout(&hash).check();
    }
    let version = ["curl", "-sko", "/dev/null", "-w", "%{http_version}", "https://example.test/"];
    host.run(&[], &version).stdout("2").check();
}

#[test]
fn a_repository_is_cloned() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    require!(["nginx", "git", "openssl"].into_iter().all(has), "nginx, git");
    let (host, _) = web();
    let www = host.file("www");
    host.sh(&format!(
        "cd {} && git init -q work && cd work && echo hello > file && git add file &&
         git -c user.name=a -c user.email=a@b.test commit -qm first && cd .. &&
         git clone -q --bare work repo.git && git -C repo.git update-server-info",
        www.display()
    ));
    let clone = "git clone -q http://example.test/repo.git /tmp/repo && cat /tmp/repo/file";
    host.run(&[], &["sh", "-c", clone]).stdout("hello\n").check();
}

#[test]
fn a_websocket_carries_messages_both_ways() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    let python = "/usr/bin/python3"; // The one for which Debian's modules are.
    let mut host = Host::new();
    let file = host.file("websocket.py");
    fs::write(&file, include_str!("websocket.py")).unwrap();
    let file = file.to_str().unwrap();
    require!(
        !host.sh(&format!("{python} -c 'import websockets' && echo y || :")).is_empty(),
        "python3-websockets"
    );
    host.start_server(&[python, file], 9001);
    let volume = format!("{file}:/websocket.py");
    let client = [python, "/websocket.py", "client"];
    host.run(&["-v", &volume], &client).stdout("1\n1000\n500000\n").check();
}

#[test]
fn a_web_server_inside_knows_its_clients() {
    require!(Host::possible(), "ip, nsenter, dnsmasq, python3");
    require!(["nginx", "curl"].into_iter().all(has), "nginx, curl");
    let host = Host::new();
    let config = config("/tmp", "/log/access", "listen 80; listen [::]:80;");
    let (file, log) = (host.file("inside.conf"), host.file("log"));
    fs::write(&file, config).unwrap();
    fs::create_dir(&log).unwrap();
    let (file, log) =
        (format!("{}:/nginx.conf", file.display()), format!("{}:/log", log.display()));
    let options = ["-v", &file, "-v", &log, "-p", "8080:80"];
    let serve = "mkdir /tmp/www; echo hello > /tmp/www/index.html; exec nginx -c /nginx.conf";
    let _server = host.run(&options, &["sh", "-c", serve]).spawn();
    let addresses = ["127.0.0.1", "::1", HOST4, HOST6];
    for address in addresses {
        let retry = "--retry 20 --retry-all-errors --retry-delay 1";
        let bracketed = if address.contains(':') { format!("[{address}]") } else { address.into() };
        let get = format!("curl -sg {retry} http://{bracketed}:8080/");
        assert_eq!(host.sh(&get), "hello\n", "{address}");
    }
    // A line is written after its answer.
    let all = || {
        let log = fs::read_to_string(host.file("log/access")).unwrap();
        let clients = log.lines().filter_map(|line| line.split(' ').next());
        clients.eq(addresses).then_some(())
    };
    assert!(eventually(all).is_some());
}
