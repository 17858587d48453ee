# Images as live disks: what clients get that are not ours, who can stop a server, and that none is left behind with an image open.

BeforeAll {
    . $PSScriptRoot/Support.ps1

    function Assert-Client {
        <# Skips a test where the clients are missing that it compares with. #>
        if (@(Get-Command nbdinfo, nbdcopy, qemu-io -ErrorAction Ignore).Count -eq 3) { return }
        Set-ItResult -Skipped -Because $(if (Test-Wine) { 'there are no clients for NBD under Wine' } else { 'nbdinfo, nbdcopy or qemu-io is missing' })
    }

    function Write-Served([string]$Address, [string]$Command = 'write -P 7 64k 64k') {
        $said = & qemu-io -f raw -c $Command -c flush $Address 2>&1
        if ($LASTEXITCODE -ne 0) { throw "qemu-io: $said" }
    }

    function Get-ServedHash([string]$Address) {
        $copy = Join-Path (New-Folder) 'copy.raw'
        $said = & nbdcopy $Address $copy 2>&1
        if ($LASTEXITCODE -ne 0) { throw "nbdcopy: $said" }
        (Get-FileHash -LiteralPath $copy).Hash
    }

    function Get-Greeting([string]$Address) {
        <# What the server says first, without a client. #>
        $client = [Net.Sockets.TcpClient]::new('127.0.0.1', ([uri]$Address).Port)
        try {
            $bytes = [byte[]]::new(8)
            $null = $client.GetStream().Read($bytes, 0, 8)
            [Text.Encoding]::ASCII.GetString($bytes)
        }
        finally {
            $client.Dispose()
        }
    }
}

AfterAll {
    Get-QedServer | Stop-QedServer
}

Describe 'Start-QedServer' {
    BeforeEach {
        $folder = New-Folder
        $image = New-FilledImage "$folder/disk.qed"
        Push-Location -LiteralPath $folder
    }

    AfterEach {
        Pop-Location
        Get-QedServer | Stop-QedServer
        Get-OpenFile $folder | Should -BeNullOrEmpty
    }

    Context 'gives clients' {
        It 'the disk: nbdcopy reads what a raw copy holds, and what qemu-io writes is in the image' {
            Assert-Client
            $hash = Get-ContentHash $image
            $server = Start-QedServer disk.qed
            $server | Should -BeOfType Qed.ImageServer
            $server.Address | Should -Match '^nbd://127\.0\.0\.1:\d+/$'
            [long](& nbdinfo --size $server.Address) | Should -Be 1MB
            Get-ServedHash $server.Address | Should -Be $hash
            Write-Served $server.Address
            $server | Stop-QedServer
            (Get-QedImageInfo disk.qed).NeedsCheck | Should -BeFalse
            & qemu-img check -q disk.qed
            $LASTEXITCODE | Should -Be 0
            (& qemu-io -f qed -c 'read -vP 7 64k 64k' disk.qed) -join '' | Should -Not -Match 'failed|error'
        }

        It 'the disk of a VHDX: to read, with an overlay, or to be thrown away' {
            Assert-Client
            Convert-QedImage disk.qed old.vhdx
            $hash = Get-ContentHash "$folder/old.vhdx"
            $file = (Get-FileHash old.vhdx).Hash
            (Get-Failure { Start-QedServer old.vhdx }).FullyQualifiedErrorId | Should -BeLike 'UnsupportedFeature,*'

            $server = Start-QedServer old.vhdx -ReadOnly
            $server.Exports[0].ReadOnly | Should -BeTrue
            Get-ServedHash $server.Address | Should -Be $hash
            { Write-Served $server.Address } | Should -Throw
            $server | Stop-QedServer

            $server = Start-QedServer old.vhdx -Snapshot
            Write-Served $server.Address
            Get-ServedHash $server.Address | Should -Not -Be $hash
            $server | Stop-QedServer

            $server = Start-QedServer old.vhdx -OverlayPath over.qed
            Write-Served $server.Address
            $server | Stop-QedServer
            (Get-QedImageInfo over.qed).BackingPath | Should -Be 'old.vhdx'
            Get-ContentHash "$folder/over.qed" | Should -Not -Be $hash
            (Get-FileHash old.vhdx).Hash | Should -Be $file
        }

        It 'several images of one server, each by its name' {
            Assert-Client
            Copy-Item disk.qed other.qed
            Convert-QedImage disk.qed old.vhdx
            $server = Get-ChildItem *.* | Start-QedServer -ReadOnly
            @($server) | Should -HaveCount 1
            $server.Exports.ExportName | Should -Be 'disk.qed', 'old.vhdx', 'other.qed'
            $listed = (& nbdinfo --list --json $server.Address | ConvertFrom-Json).exports.'export-name' | Sort-Object
            $listed | Should -Be 'disk.qed', 'old.vhdx', 'other.qed'
            foreach ($export in $server.Exports) { Get-ServedHash $export.Address | Should -Be (Get-ContentHash $export.Path (New-Folder)) }
        }

        It 'a Unix socket, which is gone afterwards' {
            Assert-Client
            $server = Start-QedServer disk.qed -SocketPath 'a socket'
            [long](& nbdinfo --size $server.Address) | Should -Be 1MB
            $server | Stop-QedServer
            "$folder/a socket" | Should -Not -Exist
        }
    }

    It 'tells what clients do while they do it' {
        Assert-Client
        $server = Start-QedServer disk.qed
        $server.Requests, $server.WrittenBytes | Should -Be 0, 0
        Write-Served $server.Address
        $server.WrittenBytes | Should -Be 64KB
        $server.Requests | Should -BeGreaterThan 1
        Wait-Until { $server.Clients -eq 0 }
        $stopped = $server | Stop-QedServer -PassThru
        $stopped.IsRunning | Should -BeFalse
        $stopped.WrittenBytes | Should -Be 64KB
    }

    It 'keeps what there is to say of a client that talks nonsense' {
        $server = Start-QedServer disk.qed
        $client = [Net.Sockets.TcpClient]::new('127.0.0.1', ([uri]$server.Address).Port)
        $client.GetStream().Write([byte[]](, 0xff * 64), 0, 64)
        Wait-Until { $server.Messages }
        $client.Dispose()
        $server.Messages[0] | Should -Match '^\d{4}-\d\d-\d\dT[\d:]+ Client 1 was cut off'
    }

    Context 'with -Stream' {
        It 'makes the overlay stand alone while it is used, and the same command goes on with it alone' {
            Assert-Client
            Convert-QedImage disk.qed old.vhdx
            $call = @{ LiteralPath = "$folder/old.vhdx"; OverlayPath = 'new.qed'; Stream = $true }
            # It would take a minute, if nobody stopped it.
            $server = Start-QedServer @call -MaximumBytesPerSecond 16KB
            $server.LeftBytes | Should -BeGreaterThan 0
            Write-Served $server.Address 'write -P 7 900k 10k'
            $hash = Get-ServedHash $server.Address
            $server | Stop-QedServer
            (Get-QedImageInfo new.qed).BackingPath | Should -Be 'old.vhdx'

            $server = Start-QedServer @call -AsProcess
            Wait-Until { $server.LeftBytes -eq 0 }
            # Nobody has it open any more.
            Rename-Item old.vhdx gone.vhdx
            Get-ServedHash $server.Address | Should -Be $hash
            $server | Stop-QedServer
            $info = Get-QedImageInfo new.qed
            $info.BackingPath, $info.NeedsCheck | Should -Be $null, $false
            & qemu-img check -q -f qed new.qed
            $LASTEXITCODE | Should -Be 0

            $server = Start-QedServer @call
            Get-ServedHash $server.Address | Should -Be $hash
            $server | Stop-QedServer
        }
    }

    Context 'takes' {
        It 'patterns, names with brackets, files, results and rows' {
            $null = New-QedImage -LiteralPath 'a[1].qed' -SizeBytes 1MB
            $null = New-QedImage a1.qed 1MB
            $rows = [pscustomobject]@{ Path = "$folder/a[1].qed"; ExportName = 'one'; OverlayPath = 'over.qed' }, [pscustomobject]@{ Path = 'a1.qed'; ExportName = ''; OverlayPath = '' }
            foreach ($start in { Start-QedServer ./a*.qed }, { Start-QedServer -LiteralPath 'a[1].qed', "$folder/a1.qed" }, { Get-ChildItem a*.qed | Start-QedServer },
                { Get-QedImageInfo a*.qed | Start-QedServer }, { 'a[1].qed', 'a1.qed' | Start-QedServer }, { $rows | Start-QedServer }) {
                $server = & $start
                $server.Exports.Path | Sort-Object -Culture '' | Should -Be "$folder${/}a[1].qed", "$folder${/}a1.qed"
                $server | Stop-QedServer
            }
            $server.Exports.ExportName | Should -Be 'one', 'a1.qed'
            $server.Exports[0].OverlayPath | Should -Be "$folder${/}over.qed"
        }

        It 'the image''s own tools beside it, by what it emits' {
            $server = Start-QedServer disk.qed
            ($server.Exports | Get-QedImageInfo).Size | Should -Be 1MB
            ($server.Exports | Test-QedImage -Online).IsClean | Should -BeTrue
        }
    }

    Context 'goes on without' {
        It 'an image that is none, and one whose name another has' {
            $null = New-Item -ItemType Directory sub
            Copy-Item disk.qed sub/disk.qed
            $null = New-RawFile "$folder/bad.qed"
            $server = 'none.qed', 'disk.qed', 'bad.qed', 'sub/disk.qed' | Start-QedServer -ErrorAction SilentlyContinue -ErrorVariable failures
            $server.Exports.Path | Should -Be $image
            $failures | Should -HaveCount 3
            $failures.FullyQualifiedErrorId -replace ',.*' | Sort-Object | Should -Be 'ImageExists', 'ImageNotFound', 'ImageNotRecognized'
            ($failures | Where-Object FullyQualifiedErrorId -Like 'ImageNotRecognized*').TargetObject | Should -Be "$folder${/}bad.qed"
        }
    }

    Context 'refuses, and leaves no image open,' {
        It 'an image that somebody writes' {
            $held = Open-ForWriting $image
            try { (Get-Failure { Start-QedServer disk.qed }).FullyQualifiedErrorId | Should -BeLike 'ImageInUse,*' } finally { $held.Dispose() }
        }

        It 'a port that is taken<Name>' -ForEach @{ Name = ''; More = @{} }, @{ Name = ', also for a process of its own'; More = @{ AsProcess = $true } } {
            $taken = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
            $taken.Start()
            try {
                $failure = Get-Failure { Start-QedServer disk.qed -Port $taken.LocalEndpoint.Port @More }
                $failure.FullyQualifiedErrorId | Should -BeLike 'ImageInUse,*'
                $failure.TargetObject | Should -Be $image
            }
            finally {
                $taken.Stop()
            }
        }

        It 'a folder without certificates' {
            (Get-Failure { Start-QedServer disk.qed -CertificatePath . }).FullyQualifiedErrorId | Should -BeLike '*Image*,*'
        }

        It 'the rest of a list where one error ends it' {
            { 'disk.qed', 'none.qed' | Start-QedServer -ErrorAction Stop } | Should -Throw -ErrorId 'ImageNotFound,*'
        }

        It 'what makes no sense: <Name>' -ForEach @(
            @{ Name = 'two places'; More = @{ SocketPath = 'x'; Port = 1 } }
            @{ Name = 'writes that are kept and thrown away'; More = @{ OverlayPath = 'x'; Snapshot = $true } }
            @{ Name = 'nothing to copy into'; More = @{ Stream = $true } }
            @{ Name = 'a rate of nothing'; More = @{ MaximumBytesPerSecond = 1MB } }
            @{ Name = 'certificates of clients without a folder'; More = @{ RequireClientCertificate = $true } }
            @{ Name = 'a process to wait for'; More = @{ AsProcess = $true; Wait = $true } }
            @{ Name = 'an address that is none'; More = @{ Address = 'localhost:1' } }
        ) {
            { Start-QedServer disk.qed @More } | Should -Throw -ErrorId '*,Qed.PowerShell.Commands.StartQedServerCommand'
            "$folder/x" | Should -Not -Exist
        }
    }

    Context 'closes the images when' {
        It 'the module is removed' {
            Assert-Client
            Invoke-Child ([scriptblock]::Create(@"
Import-Module `$Manifest
`$server = Start-QedServer '$image'
`$null = & qemu-io -f raw -c 'write -P 7 256k 64k' `$server.Address
Remove-Module Qed
Import-Module `$Manifest
(Get-QedImageInfo '$image').NeedsCheck
(Get-QedImageInfo '$image').InUse
"@)) | Should -Be 'False', 'False'
        }

        It 'the process <Name>' -ForEach @{ Name = 'exits' }, @{ Name = 'is told to end' } {
            Assert-Client
            $script = Join-Path $folder 'serve.ps1'
            $wait = if ($Name -eq 'exits') { '' } else { 'Start-Sleep 600' }
            Set-Content -LiteralPath $script -Value "Import-Module '$(Get-QedManifest)'; (Start-QedServer '$image').Address | Set-Content '$folder/a'; Rename-Item '$folder/a' address; while (-not (Test-Path '$folder/go')) { Start-Sleep -Milliseconds 20 }; $wait"
            $process = Start-Script $script
            Wait-Until { Test-Path "$folder/address" }
            Write-Served (Get-Content "$folder/address") 'write -P 7 256k 64k'
            (Get-QedImageInfo disk.qed).NeedsCheck | Should -BeTrue
            $null = New-Item go
            if ($Name -ne 'exits') { & kill -TERM $process.Id }
            $process.WaitForExit(60000) | Should -BeTrue
            (Get-QedImageInfo disk.qed).NeedsCheck | Should -BeFalse
        }

        It 'a command that waits is stopped' {
            $session = Start-Session { Start-QedServer $image -Wait } @{ image = $image }
            Wait-Until { $session.Output.Count -gt 0 }
            $server = $session.Output[0]
            $server.IsRunning | Should -BeTrue
            $session.Shell.Stop()
            (Complete-Session $session).Errors | Should -BeNullOrEmpty
            $server.IsRunning | Should -BeFalse
        }
    }

    Context 'with a process of its own' {
        It 'outlives its session, is found by another one, and closes the image when that stops it' {
            $address = Invoke-Child ([scriptblock]::Create("Import-Module `$Manifest; (Start-QedServer '$image' -AsProcess).Address"))
            $server = Get-QedServer
            $server.Address | Should -Be $address
            $server.ProcessId | Should -Not -Be $PID
            $server.Exports[0].Path | Should -Be $image
            $server.Exports[0].Size | Should -Be 1MB
            Get-Greeting $address | Should -Be 'NBDMAGIC'
            Get-Failure { Start-QedServer disk.qed } | Should -Not -BeNullOrEmpty
            Stop-QedServer disk.qed
            $server.IsRunning | Should -BeFalse
            Get-Process -Id $server.ProcessId -ErrorAction Ignore | Should -BeNullOrEmpty
            (Get-QedImageInfo disk.qed).NeedsCheck | Should -BeFalse
            Get-QedServer | Should -BeNullOrEmpty
        }

        It 'keeps rows apart, and tells what clients do' {
            Assert-Client
            Convert-QedImage disk.qed "it's.vhdx"
            $server = [pscustomobject]@{ Path = "it's.vhdx"; OverlayPath = 'over, 1.qed'; ExportName = 'the "first"'; Description = '' },
            [pscustomobject]@{ Path = 'disk.qed'; OverlayPath = ''; ExportName = ''; Description = 'one' } | Start-QedServer -AsProcess
            $server.Exports.ExportName | Should -Be 'the "first"', 'disk.qed'
            $server.Exports[0].OverlayPath | Should -Be "$folder${/}over, 1.qed"
            Write-Served $server.Exports[0].Address
            Wait-Until { $server.WrittenBytes -eq 64KB }
            $server | Stop-QedServer
            (Get-QedImageInfo 'over, 1.qed').NeedsCheck | Should -BeFalse
        }

        It 'is neither forgotten nor taken for stopped while it has no time to answer' -Skip:(-not $IsLinux) {
            $server = Start-QedServer disk.qed -AsProcess
            & kill -STOP $server.ProcessId
            try {
                $server.IsRunning | Should -BeTrue
                Get-QedServer | Should -BeNullOrEmpty
            }
            finally {
                & kill -CONT $server.ProcessId
            }
            (Get-QedServer).ProcessId | Should -Be $server.ProcessId
            $server | Stop-QedServer
            $server.IsRunning | Should -BeFalse
            Get-Process -Id $server.ProcessId -ErrorAction Ignore | Should -BeNullOrEmpty
        }

        It 'is forgotten when it was killed' {
            $server = Start-QedServer disk.qed -AsProcess
            Stop-Process -Id $server.ProcessId -Force
            Wait-Until { -not (Get-Process -Id $server.ProcessId -ErrorAction Ignore) }
            Get-QedServer | Should -BeNullOrEmpty
            $server.IsRunning | Should -BeFalse
        }
    }
}
