#!/bin/busybox sh
# The first and only program of the guest: works on /dev/vda as the kernel's command line says, and tells its host on the console.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys

fail() {
    echo "QED-FAIL $1"
    poweroff -f
}

# Which of them needs which differs between kernels.
for pass in 1 2 3 4 5 6; do
    for module in virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
        insmod /modules/$module.ko 2> /dev/null
    done
done
for wait in $(seq 100); do
    [ -b /dev/vda ] || sleep 0.1
done
[ -b /dev/vda ] || fail "no disk after pass $pass and wait $wait"

case "$(cat /proc/cmdline)" in
*stage=work*)
    mkfs.ext4 -q -F /dev/vda || fail mkfs
    mount -t ext4 /dev/vda /mnt || fail mount
    for i in $(seq 1 24); do
        dd if=/dev/urandom of=/mnt/f$i bs=1M count=2 2>/dev/null || fail "writing f$i"
    done
    sync
    echo QED-FILLED
    read -r _
    for i in $(seq 5 24); do rm /mnt/f$i; done
    (cd /mnt && md5sum f1 f2 f3 f4 > sums)
    sync
    fstrim /mnt || fail fstrim
    sync
    echo QED-TRIMMED
    read -r _
    # Until the host pulls the plug.
    i=0
    while true; do
        i=$((i + 1))
        dd if=/dev/urandom of=/mnt/s$i bs=4k count=$((1 + i % 13)) 2>/dev/null || fail "writing s$i"
        sum=$(md5sum < /mnt/s$i)
        sync
        echo "QED-SYNCED s$i ${sum%% *}"
    done
    ;;
*)
    mount -t ext4 /dev/vda /mnt || fail mount
    dmesg | grep -q 'vda): recovery complete' && echo QED-RECOVERED
    cd /mnt || fail cd
    md5sum -c sums > /dev/null || fail sums
    for file in s[0-9]*; do
        sum=$(md5sum < "$file")
        echo "QED-FOUND $file ${sum%% *}"
    done
    cd /
    umount /mnt || fail umount
    echo QED-OK
    poweroff -f
    ;;
esac
