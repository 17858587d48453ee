# Dot-sourced after tests/Pester/Support.ps1: hosts for trials of PowerShell remoting over SSH. Each is a network namespace
# with an sshd, a host key and an address of its own, on a bridge; they share the disk and the processors. Where namespaces
# cannot be made, each is an sshd on a port of this machine. It takes Debian's openssh-server and iproute2.

function New-TestFleet([string]$Folder, [int]$Count) {
    <# Starts hosts, which keep their files, and the modules of their only user, in a folder. #>
    ssh-keygen -q -t ed25519 -N '' -f "$Folder/key"
    # sshd gives its sessions next to nothing of its environment.
    Set-Content -LiteralPath "$Folder/powershell" -Value @(
        '#!/bin/sh'
        "export HOME='$Folder' PATH='$env:PATH' DOTNET_ROOT='$env:DOTNET_ROOT' LC_ALL=C.UTF-8 POWERSHELL_TELEMETRY_OPTOUT=1"
        "export XDG_DATA_HOME='$Folder/data' XDG_CONFIG_HOME='$Folder/config' XDG_CACHE_HOME='$Folder/cache'"
        "exec '$((Get-PowerShellCommand) -join "' '")' -NoLogo -NoProfile -sshs"
    )
    chmod 755 "$Folder/powershell"
    # Debian's service makes it, which may never have run.
    if ((id -u) -eq '0') { $null = New-Item -ItemType Directory -Path /run/sshd -Force }
    $fleet = [pscustomobject]@{ Folder = $Folder; Bridge = New-TestBridge; Hosts = @() }
    foreach ($number in 1..$Count) {
        $fleet.Hosts += if ($fleet.Bridge) { New-TestNamespace $fleet.Bridge $number } else {
            # Apart from other fleets of this machine.
            [pscustomobject]@{ Name = "127.0.0.$number"; Port = 20000 + $PID % 10000; Namespace = $null; Process = $null }
        }
        Initialize-TestHost $fleet $fleet.Hosts[-1]
        Start-TestHost $fleet $fleet.Hosts[-1]
    }
    $fleet
}

function New-TestBridge {
    <# A network for namespaces, where this process may make such; nothing elsewhere. #>
    $name = "qedb$PID"
    if (-not (Get-Command ip -ErrorAction Ignore) -or -not (Invoke-Quietly ip link add $name type bridge)) { return }
    # Apart from other fleets of this machine, in the range that is set aside for trials of networks.
    $net = "198.18.$($PID % 254)"
    if ((Invoke-Quietly ip address add "$net.254/24" dev $name) -and (Invoke-Quietly ip link set $name up) -and (Invoke-Quietly ip netns add $name)) {
        ip netns delete $name
        return [pscustomobject]@{ Name = $name; Net = $net }
    }
    ip link delete $name
}

function Invoke-Quietly {
    <# Whether a command that may fail succeeds. #>
    $program, $rest = $args
    try { & $program @rest 2>&1 | Out-Null; $LASTEXITCODE -eq 0 } catch { $false }
}

function New-TestNamespace([psobject]$Bridge, [int]$Number) {
    $namespace = "qed$PID-$Number"
    ip netns add $namespace
    ip link add "qedv$PID-$Number" type veth peer name eth0 netns $namespace
    ip link set "qedv$PID-$Number" master $Bridge.Name up
    ip -n $namespace address add "$($Bridge.Net).$Number/24" dev eth0
    ip -n $namespace link set eth0 up
    ip -n $namespace link set lo up
    [pscustomobject]@{ Name = "$($Bridge.Net).$Number"; Port = 22; Namespace = $namespace; Process = $null }
}

function Initialize-TestHost([psobject]$Fleet, [psobject]$TestHost) {
    <# Gives a host a key and the settings of its sshd. #>
    $own = New-Item -ItemType Directory -Path (Join-Path $Fleet.Folder $TestHost.Name)
    ssh-keygen -q -t ed25519 -N '' -f "$own/hostkey"
    Set-Content -LiteralPath "$own/sshd_config" -Value @(
        "ListenAddress $($TestHost.Name):$($TestHost.Port)"
        "HostKey $own/hostkey"
        "AuthorizedKeysFile $($Fleet.Folder)/key.pub"
        "Subsystem powershell $($Fleet.Folder)/powershell"
        'PidFile none', 'UsePAM no', 'StrictModes no', 'PermitRootLogin prohibit-password', 'PasswordAuthentication no'
    )
    $name = if ($TestHost.Port -eq 22) { $TestHost.Name } else { "[$($TestHost.Name)]:$($TestHost.Port)" }
    Add-Content -LiteralPath "$($Fleet.Folder)/known_hosts" -Value "$name $(Get-Content -LiteralPath "$own/hostkey.pub")"
}

function Start-TestHost([psobject]$Fleet, [psobject]$TestHost) {
    $own = Join-Path $Fleet.Folder $TestHost.Name
    $command = (Get-Command sshd, /usr/sbin/sshd -ErrorAction Ignore)[0].Source, '-D', '-f', "$own/sshd_config", '-E', "$own/sshd.log"
    if ($TestHost.Namespace) { $command = @('ip', 'netns', 'exec', $TestHost.Namespace) + $command }
    $TestHost.Process = Start-Process $command[0] $command[1..99] -PassThru
    Wait-Until { try { [Net.Sockets.TcpClient]::new($TestHost.Name, $TestHost.Port).Dispose(); $true } catch { $TestHost.Process.HasExited } }
    if ($TestHost.Process.HasExited) { throw "sshd does not start: $(Get-Content -LiteralPath "$own/sshd.log" -Raw)" }
}

function Get-TestConnection([psobject]$Fleet) {
    <# What PowerShell is to be told, besides a host's name, to reach it over SSH. #>
    @{
        UserName    = id -un
        KeyFilePath = "$($Fleet.Folder)/key"
        Options     = @{ Port = $Fleet.Hosts[0].Port; UserKnownHostsFile = "$($Fleet.Folder)/known_hosts"; BatchMode = 'yes' }
    }
}

function Get-Descendant([int]$Id) {
    <# A process and all that it has started. #>
    $children = Get-Process | Where-Object { $_.Parent } | Group-Object { $_.Parent.Id } -AsHashTable
    $found = [Collections.Generic.List[int]]@($Id)
    for ($i = 0; $i -lt $found.Count; $i++) {
        if ($children[$found[$i]]) { $found.AddRange([int[]]$children[$found[$i]].Id) }
    }
    $found
}

function Stop-TestHost([psobject]$TestHost) {
    <# Kills a host: its sshd, and every session with all that runs in it. #>
    Stop-Process -Id (Get-Descendant $TestHost.Process.Id) -Force -ErrorAction Ignore
}

function Suspend-TestHost([psobject]$TestHost) {
    <# Lets a host fall silent without a word: its cable is pulled, or else all of its processes stand still. #>
    if ($TestHost.Namespace) { ip -n $TestHost.Namespace link set eth0 down } else { kill -STOP (Get-Descendant $TestHost.Process.Id) }
}

function Resume-TestHost([psobject]$TestHost) {
    if ($TestHost.Namespace) { ip -n $TestHost.Namespace link set eth0 up } else { kill -CONT (Get-Descendant $TestHost.Process.Id) }
}

function Remove-TestFleet([psobject]$Fleet) {
    <# Ends all that New-TestFleet has started, and leaves the folder to its owner. #>
    foreach ($each in $Fleet.Hosts) {
        if ($each.Process) { Stop-TestHost $each }
        if ($each.Namespace) { ip netns delete $each.Namespace }
    }
    if ($Fleet.Bridge) { ip link delete $Fleet.Bridge.Name }
    # Connections to hosts that fell silent would keep this process from its end.
    Get-Process -Name ssh -ErrorAction Ignore | Where-Object { $_.Parent.Id -eq $PID } | Stop-Process -Force
}
