# What is in the package that users install, and that everything which names a version names the same one.

BeforeAll {
    . $PSScriptRoot/Support.ps1
    $repository = (Get-Item -LiteralPath $PSScriptRoot/../..).FullName
    $manifest = Get-QedManifest
    $version = (Import-PowerShellDataFile -LiteralPath $manifest).ModuleVersion
}

Describe 'The package' {
    It 'holds these files and no others' {
        $folder = Split-Path $manifest
        $files = Get-ChildItem -LiteralPath $folder -Recurse -File | ForEach-Object { $_.FullName.Substring($folder.Length + 1).Replace('\', '/') }
        $files | Sort-Object -CaseSensitive | Should -BeExactly (@(
                'LICENSE'
                'Qed.Format.ps1xml'
                'Qed.psd1'
                'Qed.psm1'
                'README.md'
                'THIRD-PARTY-NOTICES.txt'
                'en-US/Qed.PowerShell.dll-Help.xml'
                'en-US/about_Qed.help.txt'
                'en-US/about_Qed_BackingFiles.help.txt'
                'en-US/about_Qed_Safety.help.txt'
                'bin/net8.0/Qed.Core.dll'
                'bin/net8.0/Qed.PowerShell.dll'
                'bin/net8.0/Qed.Server.dll'
                'bin/net8.0/dependencies/Microsoft.Extensions.DependencyInjection.Abstractions.dll'
                'bin/net8.0/dependencies/Microsoft.Extensions.Logging.Abstractions.dll'
                'bin/net8.0/dependencies/ZstdSharp.dll'
                'bin/netstandard2.0/Qed.Core.dll'
                'bin/netstandard2.0/Qed.PowerShell.dll'
                'bin/netstandard2.0/Qed.Server.dll'
                'bin/netstandard2.0/dependencies/Microsoft.Bcl.AsyncInterfaces.dll'
                'bin/netstandard2.0/dependencies/Microsoft.Extensions.DependencyInjection.Abstractions.dll'
                'bin/netstandard2.0/dependencies/Microsoft.Extensions.Logging.Abstractions.dll'
                'bin/netstandard2.0/dependencies/System.Buffers.dll'
                'bin/netstandard2.0/dependencies/System.Diagnostics.DiagnosticSource.dll'
                'bin/netstandard2.0/dependencies/System.Memory.dll'
                'bin/netstandard2.0/dependencies/System.Numerics.Vectors.dll'
                'bin/netstandard2.0/dependencies/System.Runtime.CompilerServices.Unsafe.dll'
                'bin/netstandard2.0/dependencies/System.Threading.Tasks.Extensions.dll'
                'bin/netstandard2.0/dependencies/ZstdSharp.dll'
            ) | Sort-Object -CaseSensitive)
    }

    It 'tells a gallery what the manifest tells' -Skip:(-not $env:QED_PACKAGE) {
        $data = Import-PowerShellDataFile -LiteralPath $manifest
        $archive = [IO.Compression.ZipFile]::OpenRead($env:QED_PACKAGE)
        try {
            $reader = [IO.StreamReader]::new($archive.GetEntry('Qed.nuspec').Open())
            $metadata = ([xml]$reader.ReadToEnd()).package.metadata
            $metadata.version | Should -Be $data.ModuleVersion
            $metadata.description | Should -Be $data.Description
            $metadata.projectUrl | Should -Be $data.PrivateData.PSData.ProjectUri
            $metadata.iconUrl | Should -Be $data.PrivateData.PSData.IconUri
            $metadata.licenseUrl | Should -Be $data.PrivateData.PSData.LicenseUri
            $metadata.releaseNotes | Should -Be $data.PrivateData.PSData.ReleaseNotes
            $metadata.tags -split ' ' | Should -Be (@('PSModule') + $data.PrivateData.PSData.Tags)
        }
        finally {
            $archive.Dispose()
        }
    }
}

Describe 'The version' {
    It 'is that of the repository' {
        (Import-PowerShellDataFile -LiteralPath (Join-Path $repository Qed.psd1)).ModuleVersion | Should -Be $version
    }

    It 'is the newest that the change log knows, or the one that comes next' {
        $headings = @(Select-String -LiteralPath (Join-Path $repository CHANGELOG.md) -Pattern '^## (.*)$' | ForEach-Object { $_.Matches[0].Groups[1].Value })
        $headings | Should -Not -BeNullOrEmpty
        foreach ($heading in $headings) { $heading | Should -Match '^\[(Unreleased\]|\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d)$' }
        $released = @($headings | ForEach-Object { if ($_ -match '^\[(\d\S+)\]') { [version]$Matches[1] } })
        $released | Sort-Object -Descending -Unique | Should -Be $released
        $isComing = $headings[0] -eq '[Unreleased]'
        if ($released) {
            if ($isComing) { [version]$version | Should -BeGreaterOrEqual $released[0] } else { $version | Should -Be $released[0] }
        }
        else {
            $isComing | Should -BeTrue
        }
    }

    It 'is that of the tag, where this is a tagged state, and the change log then has its date' -Skip:(-not (Get-Command git -ErrorAction Ignore)) {
        $tags = git -C $repository tag --points-at HEAD 2>$null | Where-Object { $_ -match '^v\d' }
        foreach ($tag in $tags) {
            $tag | Should -Be "v$version"
            Get-Content -LiteralPath (Join-Path $repository CHANGELOG.md) | Where-Object { $_.StartsWith("## [$version] - ") } | Should -HaveCount 1
        }
    }
}
