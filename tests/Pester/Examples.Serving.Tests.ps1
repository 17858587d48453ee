# The examples that serve disks: the machine, the backup tool and the kernel's client are programs, some of which stand in here.

BeforeDiscovery {
    $hasClients = @(Get-Command nbdcopy, qemu-io, qemu-img -ErrorAction Ignore).Count -eq 3
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
    $examples = (Get-Item -LiteralPath $PSScriptRoot/../../examples).FullName
    $module = Get-QedManifest

    function Invoke-Example([string]$Name) {
        & "$examples/$Name" -Module $module @args
    }

    function New-Program([string]$Folder, [string]$Name, [string]$Text) {
        $null = New-Item -ItemType Directory -Path $Folder -Force
        Set-Content -LiteralPath "$Folder/$Name" -Value "#!/bin/bash`n$Text"
        & chmod +x "$Folder/$Name"
        "$Folder/$Name"
    }
}

AfterAll {
    Get-QedServer | Stop-QedServer
}

Describe 'Start-QedRecovery.ps1' -Skip:(-not $hasClients) {
    BeforeEach {
        $folder = New-Folder
        $null = New-FilledImage "$folder/source.qed" -Length 4MB
        Convert-QedImage "$folder/source.qed" "$folder/server.vhdx"
        $before = (Get-FileHash "$folder/server.vhdx").Hash
        # In place of a machine: it says what it was told, and writes to its disk.
        $qemu = New-Program "$folder/bin" 'machine' @"
echo "`$@" > '$folder/told'
address=`${!#}; address=`${address#file=}; address=`${address%%,*}
qemu-io -f raw -c "write -P `${PATTERN:-7} 64k 64k" -c flush "`$address" && exit `${RESULT:-0}
"@
    }

    AfterEach {
        Get-QedServer | Should -BeNullOrEmpty
        Get-OpenFile $folder | Should -BeNullOrEmpty
        (Get-FileHash "$folder/server.vhdx").Hash | Should -Be $before
    }

    It 'runs a machine from the image, converts it meanwhile, and goes on after both' {
        $result = Invoke-Example Start-QedRecovery.ps1 "$folder/server.vhdx" "$folder/new.qed" -Convert -Qemu $qemu -QemuArgument '-m', '64'
        $result.StandsAlone | Should -BeTrue
        $result.ExitCode | Should -Be 0
        Get-Content "$folder/told" | Should -Match '^-m 64 -drive file=nbd://127\.0\.0\.1:\d+/,format=raw,if=virtio,discard=unmap$'
        (& qemu-io -f qed -c 'read -vP 7 64k 64k' "$folder/new.qed") -join '' | Should -Not -Match 'failed|error'
        # The rest is the image's.
        & qemu-io -f qed -c 'write -P 7 64k 64k' "$folder/source.qed" > $null
        & qemu-img compare -q "$folder/source.qed" "$folder/new.qed"
        $LASTEXITCODE | Should -Be 0
        $env:PATTERN = 9
        try { $null = Invoke-Example Start-QedRecovery.ps1 "$folder/server.vhdx" "$folder/new.qed" -Convert -Qemu $qemu }
        finally { $env:PATTERN = $null }
        (& qemu-io -f qed -c 'read -vP 9 64k 64k' "$folder/new.qed") -join '' | Should -Not -Match 'failed|error'
        (Test-QedImage "$folder/new.qed").IsClean | Should -BeTrue
    }

    It 'keeps what the machine wrote beside the image, and its exit code' {
        $env:RESULT = 3
        try { $result = Invoke-Example Start-QedRecovery.ps1 "$folder/server.vhdx" -Qemu $qemu }
        finally { $env:RESULT = $null }
        $result.ExitCode | Should -Be 3
        $result.StandsAlone | Should -BeFalse
        $result.OverlayPath | Should -Be "$folder/server.live.qed"
        (Get-QedImageInfo "$folder/server.live.qed").BackingPath | Should -Be 'server.vhdx'
    }

    It 'makes nothing where the program is missing, and under -WhatIf' {
        { Invoke-Example Start-QedRecovery.ps1 "$folder/server.vhdx" -Qemu "$folder/none" } | Should -Throw
        Invoke-Example Start-QedRecovery.ps1 "$folder/server.vhdx" -Qemu $qemu -WhatIf | Should -BeNullOrEmpty
        "$folder/server.live.qed" | Should -Not -Exist
    }
}

Describe 'Backup-QedDisk.ps1' -Skip:(-not $hasClients) {
    BeforeEach {
        $folder = New-Folder
        $null = New-QedImage "$folder/disk.qed" -Size 256MB
        $bytes = [byte[]]::new(800KB)
        [Random]::new(1).NextBytes($bytes)
        Copy-QedImageContent -LiteralPath "$folder/disk.qed" -Bytes $bytes -Offset 100MB -Confirm:$false
    }

    AfterEach {
        Get-QedServer | Should -BeNullOrEmpty
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    It 'has nbdcopy read what is allocated and nothing else, and compares' {
        $result = Invoke-Example Backup-QedDisk.ps1 "$folder/disk.qed" "$folder/disk.raw" -Verify
        $result.IsVerified | Should -BeTrue
        $result.Size | Should -Be 256MB
        $result.ReadBytes | Should -BeGreaterOrEqual 800KB
        $result.ReadBytes | Should -BeLessOrEqual 2MB
        (Get-FileHash "$folder/disk.raw").Hash | Should -Be (Get-QedImageHash "$folder/disk.qed").Hash
    }

    It 'gives any other tool the address, and fails with it' {
        $null = Invoke-Example Backup-QedDisk.ps1 "$folder/disk.qed" "$folder/disk.qcow2" -Tool { param($Address, $Destination) qemu-img convert -f raw -O qcow2 $Address $Destination }
        & qemu-img compare -q "$folder/disk.qed" "$folder/disk.qcow2"
        $LASTEXITCODE | Should -Be 0
        { Invoke-Example Backup-QedDisk.ps1 "$folder/disk.qed" "$folder/x" -Tool { qemu-img info "$folder/none" 2>$null } } | Should -Throw '*ended with 1.'
        { Invoke-Example Backup-QedDisk.ps1 "$folder/disk.qed" "$folder/x" -Tool { throw 'no' } } | Should -Throw 'no'
    }

    It 'does nothing under -WhatIf' {
        Invoke-Example Backup-QedDisk.ps1 "$folder/disk.qed" "$folder/disk.raw" -WhatIf | Should -BeNullOrEmpty
        "$folder/disk.raw" | Should -Not -Exist
    }
}

Describe 'Connect-QedDisk.ps1' -Skip:(-not ($IsLinux -and $hasClients)) {
    BeforeEach {
        $folder = New-Folder
        $image = New-FilledImage "$folder/disk.qed"
        $path = $env:PATH
        # In place of the kernel's client and its friends: each notes how it was called, and fails if it is to.
        foreach ($name in 'modprobe', 'nbd-client', 'mount', 'umount') {
            $null = New-Program "$folder/bin" $name "echo `"$name `$@`" >> '$folder/calls'; [ `"`$FAILING`" != $name ]"
        }
        $env:PATH = "$folder/bin:$path"
        $socket = "$folder/s"
    }

    AfterEach {
        $env:PATH = $path
        $env:FAILING = $null
        Get-QedServer | Stop-QedServer
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    It 'connects, mounts and undoes both' {
        $disk = Invoke-Example Connect-QedDisk.ps1 $image -MountPath /mnt/x -Partition 2 -ReadOnly -SocketPath $socket
        $disk.Source | Should -Be '/dev/nbd0p2'
        Get-Content "$folder/calls" | Should -Be @(
            'modprobe nbd'
            "nbd-client -unix $socket /dev/nbd0 -block-size 512 -connections 4 -readonly"
            'mount -o ro /dev/nbd0p2 /mnt/x')
        # What the kernel would see.
        (& qemu-io -r -f raw -c 'read 0 1M' $disk.Address) -join '' | Should -Not -Match 'failed|error'
        # As long as somebody uses the folder all of it stays.
        $env:FAILING = 'umount'
        { Invoke-Example Connect-QedDisk.ps1 $image -MountPath /mnt/x -Disconnect -SocketPath $socket } | Should -Throw 'umount *'
        @(Get-QedServer).Count | Should -Be 1
        $env:FAILING = $null
        Clear-Content "$folder/calls"
        Invoke-Example Connect-QedDisk.ps1 $image -MountPath /mnt/x -Disconnect -SocketPath $socket
        Get-Content "$folder/calls" | Should -Be 'umount /mnt/x', 'nbd-client -d /dev/nbd0'
        Get-QedServer | Should -BeNullOrEmpty
    }

    It 'leaves no server, and no device, where <_> fails' -ForEach 'modprobe', 'nbd-client', 'mount' {
        $env:FAILING = $_
        { Invoke-Example Connect-QedDisk.ps1 $image -MountPath /mnt/x -SocketPath $socket } | Should -Throw "$_ *ended with 1."
        Get-QedServer | Should -BeNullOrEmpty
        @(Get-Content "$folder/calls")[-1] -eq 'nbd-client -d /dev/nbd0' | Should -Be ($_ -eq 'mount')
    }

    It 'does nothing under -WhatIf' {
        Invoke-Example Connect-QedDisk.ps1 $image -SocketPath $socket -WhatIf | Should -BeNullOrEmpty
        "$folder/calls" | Should -Not -Exist
    }
}
