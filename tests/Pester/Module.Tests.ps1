# How the module comes and goes, and that what travels with it stays its own. Each case has a process of its own.

BeforeDiscovery {
    # .NET Framework has no load contexts, no reader of portable symbols, and its PowerShell no parallel loops.
    $isFramework = $PSEdition -ne 'Core'
    # The SDK that builds the module brings ASP.NET, and with it a newer copy of the logging library.
    $newer = $(if (Get-Command dotnet -ErrorAction Ignore) { dotnet --list-runtimes }) |
        ForEach-Object { if ($_ -match '^Microsoft\.AspNetCore\.App (\d+)(\S+) \[(.+)\]$') { [pscustomobject]@{ Major = [int]$Matches[1]; Folder = Join-Path $Matches[3] ($Matches[1] + $Matches[2]) } } } |
        Where-Object { $_.Major -gt 8 -and $_.Major -le [Environment]::Version.Major } |
        ForEach-Object { Join-Path $_.Folder Microsoft.Extensions.Logging.Abstractions.dll } |
        Select-Object -Last 1
}

BeforeAll {
    . $PSScriptRoot/Support.ps1
    $manifest = Get-QedManifest

    # Stands for another module's copy of a library that travels with this one. Add-Type would choose the name itself.
    function New-Library([string]$Version, [string]$Interface) {
        Add-Type -AssemblyName Microsoft.CodeAnalysis, Microsoft.CodeAnalysis.CSharp
        $name = 'Microsoft.Extensions.Logging.Abstractions'
        $code = "[assembly: System.Reflection.AssemblyVersion(`"$Version`")] namespace Microsoft.Extensions.Logging { public interface $Interface { } }"
        $compilation = [Microsoft.CodeAnalysis.CSharp.CSharpCompilation]::Create(
            $name,
            [Microsoft.CodeAnalysis.SyntaxTree[]]@([Microsoft.CodeAnalysis.CSharp.CSharpSyntaxTree]::ParseText($code)),
            [Microsoft.CodeAnalysis.MetadataReference[]]@([Microsoft.CodeAnalysis.MetadataReference]::CreateFromFile([object].Assembly.Location)),
            [Microsoft.CodeAnalysis.CSharp.CSharpCompilationOptions]::new('DynamicallyLinkedLibrary'))
        $path = Join-Path (New-Folder) "$name.dll"
        $file = [IO.File]::Create($path)
        $result = $compilation.Emit($file)
        $file.Dispose()
        if (-not $result.Success) { throw "$($result.Diagnostics)" }
        $path
    }

    # The first part of every script: work that needs the libraries, done and checked.
    $work = @'
function Assert-Work {
    $found = New-QedImage (Join-Path $Folder "$(New-Guid).qed") 1MB -Verbose 4>&1
    if ($found.Count -lt 2 -or -not ($found[-1].Path | Test-QedImage -Quiet)) { throw "It does not work: $found" }
}
'@
}

Describe 'The manifest' {
    It 'is valid' {
        $module = Test-ModuleManifest $manifest -ErrorAction Stop -WarningAction Stop
        $module.CompatiblePSEditions | Should -Be 'Core', 'Desktop'
        $module.PowerShellVersion | Should -Be '5.1'
        $module.Version | Should -Be ((Split-Path $manifest) | Split-Path -Leaf)
        $module.DotNetFrameworkVersion | Should -Be '4.7.2'
    }

    It 'is plain data, for tools that read it without running it' {
        $data = Import-PowerShellDataFile $manifest
        $data.RootModule | Should -Be 'Qed.psm1'
        $data.Description | Should -Not -BeNullOrEmpty
    }

    It 'tells the Gallery all that it shows and searches' {
        $data = (Import-PowerShellDataFile $manifest).PrivateData.PSData
        foreach ($link in 'LicenseUri', 'ReleaseNotes') { $data[$link] | Should -BeLike "$($data.ProjectUri)/blob/main/*" }
        $data.IconUri | Should -Be ($data.ProjectUri.Replace('//github.com', '//raw.githubusercontent.com') + '/main/docs/icon.png')
        foreach ($format in 'QED', 'raw', 'qcow2', 'VHD', 'VHDX', 'VMDK', 'VDI') {
            $data.Tags | Should -Contain $format
            (Test-ModuleManifest $manifest).Description | Should -MatchExactly "\b$format\b"
        }
        foreach ($tag in 'PSEdition_Core', 'PSEdition_Desktop', 'Windows', 'Linux') { $data.Tags | Should -Contain $tag }
        $data.Tags -match '\s' | Should -BeNullOrEmpty -Because 'a tag is one word'
        ($data.Tags -join ' ').Length | Should -BeLessThan 4000 -Because 'the Gallery allows no more'
    }

    It 'exports every cmdlet that there is, and nothing else' {
        $types = [Qed.PowerShell.Commands.TestQedImageCommand].Assembly.GetExportedTypes() | ForEach-Object {
            $_.GetCustomAttributes([Management.Automation.CmdletAttribute], $false) | ForEach-Object { "$($_.VerbName)-$($_.NounName)" }
        }
        $module = Get-Module Qed
        $module.ExportedCmdlets.Keys | Sort-Object | Should -Be ($types | Sort-Object)
        (Test-ModuleManifest $manifest).ExportedCmdlets.Keys | Sort-Object | Should -Be ($types | Sort-Object)
        $module.ExportedFunctions.Count + $module.ExportedAliases.Count + $module.ExportedVariables.Count | Should -Be 0
    }

    It 'names the cmdlets that scripts rely on' {
        $names = 'New-QedImage', 'Get-QedImageInfo', 'Test-QedImage', 'Convert-QedImage', 'Resize-QedImage', 'Set-QedBackingFile'
        foreach ($name in $names) { (Get-Command $name -ErrorAction Stop).Source | Should -Be 'Qed' }
    }

    It 'has approved verbs only' {
        $verbs = (Get-Verb).Verb
        (Get-Module Qed).ExportedCmdlets.Values.Verb | ForEach-Object { $verbs | Should -Contain $_ }
    }
}

Describe 'What travels with the module' {
    It 'has the version of the manifest' -ForEach 'net8.0', 'netstandard2.0' {
        $version = (Import-PowerShellDataFile $manifest).ModuleVersion
        foreach ($name in 'Qed.Core', 'Qed.PowerShell', 'Qed.Server') {
            $file = Join-Path (Split-Path $manifest) "bin/$_/$name.dll"
            [Reflection.AssemblyName]::GetAssemblyName($file).Version.ToString(3) | Should -Be $version
            [Diagnostics.FileVersionInfo]::GetVersionInfo($file).ProductVersion | Should -Be $version
        }
    }

    It 'names no folder of the machine that built it' -Skip:$isFramework -ForEach 'net8.0', 'netstandard2.0' {
        foreach ($name in 'Qed.Core', 'Qed.PowerShell', 'Qed.Server') {
            $reader = [Reflection.PortableExecutable.PEReader]::new([IO.File]::OpenRead((Join-Path (Split-Path $manifest) "bin/$_/$name.dll")))
            try {
                $debug = $reader.ReadDebugDirectory()
                $code = $debug | Where-Object Type -EQ CodeView
                $reader.ReadCodeViewDebugDirectoryData($code).Path | Should -Be "$name.pdb"
                $symbols = $reader.ReadEmbeddedPortablePdbDebugDirectoryData(($debug | Where-Object Type -EQ EmbeddedPortablePdb))
                $pdb = $symbols.GetMetadataReader([Reflection.Metadata.MetadataReaderOptions]::Default, $null)
                $paths = foreach ($document in $pdb.Documents) { $pdb.GetString($pdb.GetDocument($document).Name) }
                $paths.Count | Should -BeGreaterThan 10
                $paths | Where-Object { [IO.Path]::IsPathRooted($_) -and -not $_.StartsWith('/_/') } | Should -BeNullOrEmpty
            }
            finally {
                $reader.Dispose()
            }
        }
    }

    It 'has its licences beside it' {
        $notices = Get-Content -Raw (Join-Path (Split-Path $manifest) THIRD-PARTY-NOTICES.txt)
        foreach ($library in Get-ChildItem (Join-Path (Split-Path $manifest) bin/*/dependencies/*.dll)) {
            $notices | Should -MatchExactly "\b$([regex]::Escape($library.BaseName))\b"
        }
    }
}

Describe 'Importing' {
    It 'is refused, with the reason, by a PowerShell that is too old' -Skip:$isFramework {
        Invoke-Child {
            $PSVersionTable['PSVersion'] = [semver]'7.3.12'
            try { Import-Module $Manifest } catch { "$_" }
        } | Should -BeLike '*needs PowerShell 7.4 or later*this is PowerShell 7.3.12.'
    }

    It 'works in constrained language mode' {
        Invoke-Child {
            $ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'
            Import-Module $Manifest
            Import-Module $Manifest -Force
            New-QedImage (Join-Path $Folder x.qed) 1MB | Test-QedImage -Quiet
        } | Should -Be 'True'
    }

    It 'is seen as one module, whose cmdlets carry its name and find its help' {
        $commands = Get-Command -Module Qed
        $commands | Should -Not -BeNullOrEmpty
        $help = (Import-PowerShellDataFile $manifest).PrivateData.PSData.ProjectUri + '/blob/main/docs/cmdlets'
        foreach ($command in $commands) {
            $command.Source | Should -Be Qed
            $command.Module.ModuleBase | Should -Be (Split-Path $manifest)
            $command.HelpUri | Should -Be "$help/$($command.Name).md"
        }
        Get-Module Qed* | Should -HaveCount 1
    }

    It 'works twice, with -Force, and after removal' {
        Invoke-Child ([scriptblock]::Create($work + @'

Import-Module $Manifest; Import-Module $Manifest; Assert-Work
Import-Module $Manifest -Force; Assert-Work
Import-Module $Manifest -Force; Assert-Work
Remove-Module Qed
if (Get-Command Test-QedImag* -ListImported) { throw 'The commands are still there.' }
Import-Module $Manifest; Assert-Work
Remove-Module Qed; Import-Module $Manifest; Assert-Work
'done'
'@)) | Should -Be 'done'
    }

    It 'says nothing' {
        Invoke-Child { Import-Module $Manifest *>&1 } | Should -BeNullOrEmpty
    }

    It 'makes the types known to scripts' {
        Invoke-Child { Import-Module $Manifest; [Qed.ImageInfo].FullName; [Qed.CheckStatus]::Leaked; [Qed.DiskImageException].Name } |
            Should -Be 'Qed.ImageInfo', 'Leaked', 'DiskImageException'
    }

    It 'brings no library into the default load context' -Skip:$isFramework {
        Invoke-Child ([scriptblock]::Create($work + @'

$before = [Runtime.Loader.AssemblyLoadContext]::Default.Assemblies.GetName().Name
Import-Module $Manifest; Assert-Work
$new = [Runtime.Loader.AssemblyLoadContext]::Default.Assemblies | Where-Object { $before -notcontains $_.GetName().Name }
($new | Where-Object { $_.Location -and $_.Location.StartsWith((Split-Path $Manifest)) }).GetName().Name | Sort-Object
$new.GetName().Name | Where-Object { $_ -like 'Microsoft.Extensions.*' }
$loaded = [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { $_.GetName().Name -eq 'Microsoft.Extensions.Logging.Abstractions' }
[Runtime.Loader.AssemblyLoadContext]::GetLoadContext($loaded).Name
'@)) | Should -Be 'Qed.Core', 'Qed.PowerShell', 'Qed dependencies'
    }

    It 'answers nobody else who asks for a library of that name' {
        Invoke-Child {
            Import-Module $Manifest
            $null = New-QedImage (Join-Path $Folder x.qed) 1MB
            Add-Type -TypeDefinition 'public static class Other { public static System.Type Find() { return System.Type.GetType("Microsoft.Extensions.Logging.ILogger, Microsoft.Extensions.Logging.Abstractions"); } }'
            "found: $([Other]::Find())"
        } | Should -Be 'found: '
    }

    It 'works beside a module that brought an older version of that library' -Skip:$isFramework {
        Invoke-Child ([scriptblock]::Create("`$library = '$(New-Library 2.0.0.0 ILogger)'`n" + $work + @'

$other = [Runtime.Loader.AssemblyLoadContext]::Default.LoadFromAssemblyPath($library)
Import-Module $Manifest; Assert-Work
[AppDomain]::CurrentDomain.GetAssemblies().ForEach('GetName').Where({ $_.Name -eq 'Microsoft.Extensions.Logging.Abstractions' }).Version.Major -join ' and '
[Type]::GetType('Microsoft.Extensions.Logging.ILogger, Microsoft.Extensions.Logging.Abstractions').Assembly -eq $other
'@)) | Should -Be '2 and 8', 'True'
    }

    It 'works beside a module that brought a newer version of that library' -Skip:($isFramework -or -not $newer) -ForEach @{ Newer = $newer } {
        Invoke-Child ([scriptblock]::Create("`$newer = '$Newer'`n" + $work + @'

$null = [Runtime.Loader.AssemblyLoadContext]::Default.LoadFromAssemblyPath($newer)
Import-Module $Manifest; Assert-Work
'done'
'@)) | Should -Be 'done'
    }

    It 'works before a module that brings another version of that library' -Skip:$isFramework {
        Invoke-Child ([scriptblock]::Create("`$library = '$(New-Library 99.0.0.0 INew)'`n" + $work + @'

Import-Module $Manifest; Assert-Work
Add-Type -Path $library
[Microsoft.Extensions.Logging.INew].Assembly.GetName().Version.Major
Assert-Work
'@)) | Should -Be 99
    }

    It 'works in several runspaces, and goes on in one when another removes it' -Skip:$isFramework {
        Invoke-Child {
            $other = [powershell]::Create().AddScript('param($Manifest) Import-Module $Manifest').AddArgument($Manifest)
            $null = $other.Invoke()
            Import-Module $Manifest
            $other.Commands.Clear()
            $null = $other.AddScript('Remove-Module Qed').Invoke()
            $other.Dispose()
            $path = (New-QedImage (Join-Path $Folder x.qed) 1MB).Path
            1..4 | ForEach-Object -Parallel { Import-Module $using:Manifest; Test-QedImage $using:path -Quiet }
        } | Should -Be 'True', 'True', 'True', 'True'
    }
}

Describe 'The build for Windows PowerShell' {
    It 'creates, checks and converts in PowerShell 7 too' -Skip:$isFramework {
        Invoke-Child {
            Import-Module (Join-Path (Split-Path $Manifest) bin/netstandard2.0/Qed.PowerShell.dll)
            Set-Location $Folder
            $bytes = [byte[]]::new(1MB)
            [Random]::new(1).NextBytes($bytes)
            [IO.File]::WriteAllBytes((Join-Path $Folder a.raw), $bytes)
            (New-QedImage new.qed 10GB).Size / 1GB
            (Convert-QedImage a.raw a.qed -Verify -PassThru -Verbose 4>&1).Count
            (Test-QedImage a.qed).AllocatedClusters
            Convert-QedImage a.qed b.raw
            (Get-FileHash a.raw).Hash -eq (Get-FileHash b.raw).Hash
            (Resize-QedImage a.qed 2MB -PassThru).Size / 1MB
            (New-QedImage top.qed -BackingPath a.qed).BackingPath
            (Set-QedBackingFile top.qed -None -Confirm:$false -PassThru).AllocatedSize -ge 1MB
            $server = Start-QedServer a.qed
            $client = [Net.Sockets.TcpClient]::new('127.0.0.1', ([uri]$server.Address).Port)
            $greeting = [byte[]]::new(8)
            $null = $client.GetStream().Read($greeting, 0, 8)
            $client.Dispose()
            $server | Stop-QedServer
            [Text.Encoding]::ASCII.GetString($greeting)
            (Get-Module Qed.PowerShell).ExportedCmdlets['Test-QedImage'].ImplementingType.Assembly.Location.Contains('netstandard2.0')
        } | Should -Be 10, 4, 16, 'True', 2, 'a.qed', 'True', 'NBDMAGIC', 'True'
    }
}
