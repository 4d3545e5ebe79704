//! Everything that distinguishes machines, apart from /etc/machine-id and the ssh host keys, and
//! how each item is handled.
//!
//! The list was put together from what comparable tools reset, and from the manual page of each
//! program:
//!
//! - virt-sysprep(1), `--list-operations`: dhcp-client-state, ipa-client, kerberos-hostkeytab,
//!   lvm-system-devices (done with the references to disks), machine-id, puppet-data-log,
//!   rh-subscription-manager, rhn-systemid, samba-db-log, ssh-hostkeys, sssd-db-log,
//!   udev-persistent-net, yum-uuid. Host name, accounts, logs and addresses, which it can reset
//!   too, stay as the image has them.
//! - systemd, "Safely Building Images": machine-id, the random seeds (of the boot loader too),
//!   credential.secret.
//! - cloud-init clean (cloud-init(1)); waagent -deprovision (the README of the Azure Linux agent).
//! - iscsi-iname(8), nvme-gen-hostnqn(1), NetworkManager(8), dhclient(8), dhcpcd(8), gethostid(3),
//!   systemd-creds(1), systemd-tpm2-setup.service(8).
//!
//! Items that their owner recreates are removed. Items that two machines must not share for one
//! moment gets a fresh name here. A key by which others recognise this machine, and that only an
//! administrator can replace, is never taken away: it is named.

/// How an item is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Removed: its owner makes another when it is missing.
    Remove,
    /// Removed where the text is in it: then a program wrote it, and not an administrator. Else
    /// named, with what to do.
    RemoveWhere(&'static str, &'static str),
    /// Kept and named, with what to do on the installed system.
    Name(&'static str),
}

/// Files of one owner.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// The items in words.
    pub what: &'static str,
    /// Full paths; `*` stands for anything in one name.
    pub paths: &'static [&'static str],
    /// How they are handled.
    pub act: Act,
    /// The source: a tool that resets it, or its owner's manual.
    pub source: &'static str,
}

const fn remove(what: &'static str, paths: &'static [&'static str], source: &'static str) -> Item {
    Item { what, paths, act: Act::Remove, source }
}

const fn name(
    what: &'static str,
    paths: &'static [&'static str],
    todo: &'static str,
    source: &'static str,
) -> Item {
    Item { what, paths, act: Act::Name(todo), source }
}

/// All items, in the order in which they are handled.
pub const ITEMS: &[Item] = &[
    remove(
        "random seed",
        &[
            "/var/lib/systemd/random-seed",
            "/var/lib/urandom/random-seed",
            "/var/lib/misc/random-seed",
            "/var/lib/random-seed",
            "/var/lib/seedrng/seed.*",
            "/boot/loader/random-seed",
            "/boot/efi/loader/random-seed",
            "/efi/loader/random-seed",
        ],
        "systemd-random-seed.service(8), seedrng(8); systemd: Safely Building Images",
    ),
    remove(
        "NetworkManager's secret key and leases",
        &["/var/lib/NetworkManager/secret_key", "/var/lib/NetworkManager/*.lease"],
        "NetworkManager(8), nm-settings(5) ipv6.addr-gen-mode; virt-sysprep dhcp-client-state",
    ),
    remove(
        "DHCP leases and DUIDs",
        &[
            "/var/lib/dhclient/*",
            "/var/lib/dhcp/dhclient*",
            "/var/lib/dhcp6/*",
            "/var/lib/dhcpcd/*",
            "/var/lib/dhcpcd5/*",
            "/etc/dhcpcd.duid",
            "/etc/dhcpcd.secret",
            "/var/lib/wicked/duid.xml",
            "/var/lib/wicked/iaid.xml",
            "/var/lib/wicked/lease-*.xml",
        ],
        "dhclient(8), dhcpcd(8), wicked(8); virt-sysprep dhcp-client-state",
    ),
    remove(
        "keys made in the other machine's TPM",
        &[
            "/var/lib/systemd/tpm2-srk-public-key.pem",
            "/var/lib/systemd/tpm2-srk-public-key.tpm2b_public",
        ],
        "systemd-tpm2-setup.service(8)",
    ),
    remove(
        "identifier of the Docker engine",
        &["/etc/docker/key.json", "/var/lib/docker/engine-id"],
        "dockerd(8), `docker info`: ID",
    ),
    remove(
        "identifier for counting installations",
        &[
            "/var/lib/yum/uuid",
            "/etc/yum/uuid",
            "/etc/sysconfig/hw-uuid",
            "/etc/smolt/uuid",
            "/etc/smolt/hw-uuid",
        ],
        "virt-sysprep yum-uuid, smolt-uuid",
    ),
    remove(
        "identifier of a MySQL server",
        &["/var/lib/mysql/auto.cnf"],
        "MySQL manual, server_uuid: the server makes another",
    ),
    remove(
        "list of the other machine's multipath devices",
        &["/etc/multipath/wwids"],
        "multipath(8) -w, multipath.conf(5) find_multipaths",
    ),
    Item {
        what: "names of the other machine's network cards",
        paths: &["/etc/udev/rules.d/70-persistent-net.rules"],
        act: Act::RemoveWhere(
            "write_net_rules",
            "check that the addresses in it belong to this machine",
        ),
        source: "virt-sysprep udev-persistent-net",
    },
    name(
        "records of iSCSI targets, with their passwords",
        &["/var/lib/iscsi/nodes/*", "/etc/iscsi/nodes/*"],
        "make sure that no two machines log in to one disk: `iscsiadm -m node -o delete` removes the records",
        "iscsiadm(8)",
    ),
    name(
        "names of the disks that this machine gives to others",
        &[
            "/etc/target/saveconfig.json",
            "/etc/rtslib-fb-target/saveconfig.json",
            "/etc/nvmet/config.json",
            "/etc/tgt/conf.d/*",
        ],
        "give its iSCSI, NVMe or Fibre Channel targets other names before it starts beside the other machine",
        "targetcli(8), nvmetcli, tgt-admin(8)",
    ),
    name(
        "NVMe subsystems, with the name by which they know this machine",
        &["/etc/nvme/config.json"],
        "take hostnqn and hostid out of it",
        "nvme-connect-all(1)",
    ),
    name(
        "LVM's number of this host",
        &["/etc/lvm/lvmlocal.conf"],
        "make sure that no other machine has its host_id or system_id",
        "lvmsystemid(7), lvmlockd(8)",
    ),
    name(
        "state of cloud-init",
        &["/var/lib/cloud/instance"],
        "`cloud-init clean` makes it start over",
        "cloud-init(1) clean",
    ),
    name(
        "registration of the Azure agent",
        &["/var/lib/waagent/*.prv"],
        "`waagent -deprovision`",
        "waagent -help",
    ),
    name(
        "registration with Red Hat",
        &["/etc/pki/consumer/key.pem", "/etc/sysconfig/rhn/systemid"],
        "`subscription-manager clean`, then `subscription-manager register`",
        "subscription-manager(8); virt-sysprep rh-subscription-manager, rhn-systemid",
    ),
    name(
        "registration with Red Hat Insights",
        &["/etc/insights-client/machine-id"],
        "remove the file, then `insights-client --register`",
        "insights-client(8)",
    ),
    name(
        "number of this machine in Debian's popularity contest",
        &["/etc/popularity-contest.conf"],
        "remove its line MY_HOSTID, then `dpkg-reconfigure popularity-contest`",
        "popularity-contest(8)",
    ),
    name(
        "registration with SUSE",
        &["/etc/zypp/credentials.d/SCCcredentials"],
        "`SUSEConnect --cleanup`, then register again",
        "SUSEConnect(8)",
    ),
    name(
        "registration with Ubuntu Pro or Landscape",
        &[
            "/var/lib/ubuntu-advantage/private/machine-token.json",
            "/var/lib/landscape/client/broker.bpickle",
        ],
        "`pro detach` and `pro attach`, `landscape-config`",
        "ubuntu-advantage(1), landscape-config(1)",
    ),
    name(
        "key of the configuration management",
        &[
            "/etc/puppetlabs/puppet/ssl/private_keys/*",
            "/etc/puppet/ssl/private_keys/*",
            "/var/lib/puppet/ssl/private_keys/*",
            "/etc/salt/pki/minion/minion.pem",
            "/etc/salt/minion_id",
            "/etc/chef/client.pem",
            "/var/cfengine/ppkeys/localhost.priv",
        ],
        "take it away, and have the server accept a new one",
        "puppet-ssl(8), salt-key(1), chef-client(8), cf-key(8); virt-sysprep puppet-data-log",
    ),
    name(
        "membership in a domain",
        &[
            "/etc/krb5.keytab",
            "/var/lib/samba/private/secrets.tdb",
            "/var/lib/ipa-client/sysrestore/sysrestore.state",
        ],
        "leave the domain and join it again under another name (`realm leave`, `realm join`)",
        "realm(8), net(8), ipa-client-install(1); virt-sysprep kerberos-hostkeytab, samba-db-log, ipa-client",
    ),
    name(
        "key of a private network",
        &[
            "/var/lib/tailscale/tailscaled.state",
            "/var/lib/zerotier-one/identity.secret",
            "/etc/netbird/config.json",
            "/etc/wireguard/*",
            "/etc/systemd/network/*.key",
            "/etc/openvpn/*.key",
            "/etc/openvpn/client/*.key",
            "/etc/tinc/*/rsa_key.priv",
            "/etc/tinc/*/ed25519_key.priv",
            "/etc/ipsec.d/private/*",
            "/var/lib/tor/keys/*",
            "/var/lib/tor/*/hs_ed25519_secret_key",
            "/var/lib/syncthing/.config/syncthing/key.pem",
            "/etc/swanctl/private/*",
        ],
        "make another (`tailscale logout`, `wg genkey`), and give the others its public part",
        "tailscale, zerotier-one(8), wg(8), openvpn(8), tinc.conf(5), ipsec.conf(5), tor(1), syncthing(1)",
    ),
    name(
        "key of a cluster's node",
        &[
            "/var/lib/kubelet/pki/kubelet-client-current.pem",
            "/etc/kubernetes/kubelet.conf",
            "/etc/rancher/node/password",
            "/var/lib/docker/swarm/certificates/swarm-node.key",
            "/opt/consul/data/node-id",
            "/var/lib/consul/node-id",
            "/var/lib/nomad/client/client-id",
            "/var/lib/etcd/member",
            "/var/lib/glusterd/glusterd.info",
            "/var/lib/pacemaker/cib/cib.xml",
            "/etc/corosync/authkey",
            "/etc/ceph/*.keyring",
            "/var/lib/teleport/host_uuid",
            "/var/snap/lxd/common/lxd/server.key",
            "/var/lib/lxd/server.key",
            "/var/lib/incus/server.key",
        ],
        "`kubeadm reset`, `docker swarm leave` or the cluster's own command, then join again",
        "kubeadm reset, docker swarm leave, k3s, consul, nomad, etcd, glusterd(8), corosync(8), ceph(8), teleport, lxc cluster",
    ),
    name(
        "identifier of a security or monitoring agent",
        &[
            "/var/ossec/etc/client.keys",
            "/opt/CrowdStrike/falconstore",
            "/opt/Elastic/Agent/fleet.enc",
            "/etc/qualys/hostid",
            "/etc/opt/microsoft/mdatp/mdatp_onboard.json",
            "/var/lib/amazon/ssm/registration",
            "/var/lib/amazon/ssm/Vault/Store/*",
            "/var/lib/snmp/snmpd.conf",
            "/var/lib/net-snmp/snmpd.conf",
        ],
        "register the agent again, as its manual describes for cloned machines",
        "manuals of Wazuh, Falcon, Elastic Agent, Qualys, SSM Agent; snmpd.conf(5) engineID",
    ),
    name(
        "host key of another ssh server",
        &[
            "/etc/dropbear/dropbear_*_host_key",
            "/etc/dropbear/initramfs/dropbear_*_host_key",
            "/etc/dropbear-initramfs/dropbear_*_host_key",
        ],
        "`dropbearkey` makes another; then `update-initramfs -u`",
        "dropbear(8), dropbearkey(1)",
    ),
    name(
        "certificate of the machine made by itself",
        &["/etc/ssl/private/ssl-cert-snakeoil.key"],
        "`make-ssl-cert generate-default-snakeoil --force-overwrite`",
        "make-ssl-cert(8)",
    ),
    name(
        "keys of the other machine's certificates",
        &["/etc/letsencrypt/live/*", "/etc/pki/tls/private/*.key"],
        "have a certificate made for this machine's own name",
        "certbot(1), openssl-req(1)",
    ),
    name(
        "key that signs home directories",
        &["/var/lib/systemd/home/local.private"],
        "see systemd-homed.service(8)",
        "systemd-homed.service(8)",
    ),
];
