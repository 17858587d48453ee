@{
    RootModule             = 'Qed.psm1'
    ModuleVersion          = '0.1.0'
    GUID                   = '6f0d7f6e-2f7b-4f0e-9a63-3c5a1c6f9e21'
    Author                 = 'The Qed developers'
    CompanyName            = 'The Qed developers'
    Copyright              = '(c) 2026 The Qed developers. MIT licence.'
    Description            = 'Create, inspect, check, repair, convert, compare, resize and re-parent virtual disk images: QED, raw, qcow2, VHD, VHDX, VMDK and VDI. On Windows and Linux, with no QEMU and no Hyper-V role installed. A crash at any point loses nothing, a repair can be undone byte for byte, and an image that a virtual machine has open is never touched.'
    PowerShellVersion      = '5.1'
    # .NET Standard 2.0 is whole only from here on.
    DotNetFrameworkVersion = '4.7.2'
    CompatiblePSEditions   = @('Core', 'Desktop')
    FormatsToProcess       = @('Qed.Format.ps1xml')
    FunctionsToExport      = @()
    CmdletsToExport        = @(
        'Compare-QedImage'
        'Convert-QedImage'
        'Copy-QedImageContent'
        'Export-QedReport'
        'Get-QedImageHash'
        'Get-QedImageInfo'
        'Get-QedImageMap'
        'Get-QedServer'
        'Measure-QedImage'
        'Merge-QedImage'
        'New-QedImage'
        'Optimize-QedImage'
        'Repair-QedImage'
        'Resize-QedImage'
        'Set-QedBackingFile'
        'Show-QedImageMap'
        'Start-QedServer'
        'Stop-QedServer'
        'Test-QedImage'
    )
    VariablesToExport      = @()
    AliasesToExport        = @()
    PrivateData            = @{
        PSData = @{
            Tags         = @(
                'QED', 'QEMU', 'NBD', 'qcow2', 'VHD', 'VHDX', 'VMDK', 'VDI', 'raw', 'disk', 'image', 'DiskImage', 'VirtualDisk'
                'HyperV', 'Hyper-V', 'KVM', 'VMware', 'VirtualBox', 'Azure', 'qemu-img', 'virtualization'
                'convert', 'resize', 'repair', 'PSEdition_Core', 'PSEdition_Desktop', 'Windows', 'Linux'
            )
            ProjectUri   = 'https://github.com/qed-developers/qed'
            LicenseUri   = 'https://github.com/qed-developers/qed/blob/main/LICENSE'
            IconUri      = 'https://raw.githubusercontent.com/qed-developers/qed/main/docs/icon.png'
            ReleaseNotes = 'https://github.com/qed-developers/qed/blob/main/CHANGELOG.md'
        }
    }
}
