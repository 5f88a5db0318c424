//! Images made to harm: nothing outside of the store is ever touched, whether
//! the image is refused or confined.
//!
//! The table names the tests of each line of the list of attacks; that all of
//! them exist is one of the promises of `tests/repository.rs`. A name begins
//! with its file: below `tests/e2e/hostile/`, below `tests/e2e/`, or below `src/`.
//!
//! | line | attack (known from) | tests |
//! |---|---|---|
//! | 1 | index or manifest, types that lie (CVE-2021-41190) | `documents::a_document_is_an_index_or_a_manifest`, `image/resolve::ambiguous_and_ancient_documents_are_refused` |
//! | 2 | blobs that are not what was announced | `documents::a_blob_is_what_its_descriptor_says`, `bad_input::a_corrupt_blob_is_refused`, `bad_input::a_wrong_diff_id_is_refused`, `bad_input::a_truncated_layer_is_refused`, `image/verify::the_end_is_reached_only_by_what_was_announced` |
//! | 3 | digests as paths, other algorithms (CVE-2024-3727) | `documents::a_digest_is_no_path`, `oci/digest::only_a_plain_sha256_is_a_digest`, `bad_input::a_malformed_name_is_refused_before_anything_else` |
//! | 4 | layers with `urls` (CVE-2020-15157) | `documents::other_places_that_a_manifest_names_are_not_asked` |
//! | 5 | realms and redirects | `registries::a_registry_that_sends_us_round_and_round_is_left`, `registries::a_challenge_that_makes_no_sense_is_refused`, `image/challenge::what_asks_for_something_else_is_none` |
//! | 6 | documents of gigabytes, endless nesting, too many layers | `documents::documents_of_gigabytes_are_not_read`, `documents::layers_and_indexes_have_an_end`, `image/resolve::nested_indexes_have_an_end` |
//! | 7 | configs: variables, users (CVE-2024-40635), other types | `documents::variables_of_any_number_and_kind_do_no_harm`, `documents::a_user_that_is_none_is_never_root`, `documents::a_config_with_other_types_is_refused`, `runtime/user::what_is_no_user_is_never_taken_for_root` |
//! | 8 | working directories (CVE-2024-21626) | `documents::a_working_directory_is_inside` |
//! | 9 | volumes in configs (CVE-2022-23648) | `documents::what_is_not_for_us_is_not_obeyed` |
//! | 10 | labels and annotations | `documents::what_is_not_for_us_is_not_obeyed` |
//! | 11 | entrypoints (CVE-2019-5736) | `documents::what_is_no_program_is_not_executed`, `runtime/command::a_link_of_proc_to_this_program_is_recognized` |
//! | 12 | the same layer twice (CVE-2021-20291) | `documents::the_same_layer_twice_is_one`, `storage/rootfs::the_topmost_of_equal_layers_counts` |
//! | 13 | names | `layers::names_do_not_lead_out`, `storage/hostile::names_that_lead_out_are_refused`, `storage/hostile::odd_names_are_names_inside`, `storage/hostile::names_that_no_file_can_have_are_refused` |
//! | 14 | writing through a link | `layers::links_do_not_lead_out`, `storage/hostile::writing_through_a_link_stays_inside` |
//! | 15 | chains of links (CVE-2020-27833) | `layers::links_do_not_lead_out`, `storage/hostile::links_that_lead_out_only_together_stay_inside` |
//! | 16 | the root as a link (CVE-2021-29136) | `layers::the_root_of_a_layer_is_a_directory`, `storage/hostile::the_root_stays_a_directory` |
//! | 17 | hard links | `layers::hard_links_name_files_of_their_layer`, `storage/hostile::hard_links_reach_only_files_of_the_layer`, `storage/hostile::a_hard_link_to_a_link_is_a_link` |
//! | 18 | whiteouts | `layers::whiteouts_remove_nothing_but_what_is_below`, `storage/hostile::whiteouts_lead_nowhere`, `storage/hostile::a_whiteout_says_nothing_of_its_own_layer` |
//! | 19 | kinds that change | `layers::a_kind_may_change_from_layer_to_layer`, `storage/hostile::an_entry_replaces_one_of_another_kind`, `hostile::later_layers_hide_earlier_ones` |
//! | 20 | a directory over a link (CVE-2021-32760, CVE-2026-33056) | `layers::a_directory_over_a_link_changes_nothing_outside`, `storage/hostile::writing_through_a_link_stays_inside` |
//! | 21 | sizes and headers that lie (CVE-2025-62518, CVE-2026-33055) | `layers::sizes_and_headers_that_lie_are_refused`, `layers::headers_without_end_are_refused`, `storage/hostile::sizes_that_depend_on_the_reader_are_refused`, `storage/hostile::sizes_that_lie_are_refused`, `storage/hostile::headers_of_gigabytes_are_refused` |
//! | 22 | bombs | `layers::bombs_are_refused_by_the_limit_that_they_exceed`, `storage/hostile::what_grows_out_of_proportion_is_refused`, `storage/hostile::entries_are_counted`, `storage/compression::a_window_of_gigabytes_is_refused`, `storage/compression::members_and_frames_follow_each_other`, `storage/remove::a_tree_deeper_than_any_path_is_removed` |
//! | 23 | devices, set-id bits, attributes of overlayfs | `layers::special_files_are_harmless`, `layers::attributes_steer_nothing`, `storage/hostile::devices_are_left_out`, `storage/hostile::attributes_do_not_steer_the_overlay` |
//! | 24 | times and owners out of range | `layers::owners_and_times_out_of_range_are_taken_for_what_is_possible`, `storage/hostile::times_out_of_range_are_clamped` |
//! | 25 | directories that change while we unpack (CVE-2025-47290) | `storage/hostile::a_directory_that_becomes_a_link_meanwhile_leads_nowhere` |
//! | 26 | names that look alike | `layers::names_that_look_alike_are_different_files` |
//! | 27 | interruptions, full disks | `crash::a_pull_killed_at_any_moment_leaves_a_valid_store`, `bad_input::a_full_disk_is_named_and_the_store_stays_valid`, `bad_input::a_store_that_cannot_be_written_is_named` |
//! | 28 | links, fifos and others where we mount (CVE-2025-31133, -52565, -52881, CVE-2024-45310, …) | `rootfs::links_to_everywhere_are_not_mounted_through`, `rootfs::links_to_the_host_are_not_mounted_through`, `rootfs::what_is_of_another_kind_is_not_mounted_on`, `rootfs::the_kernels_directories_are_directories`, `rootfs::volumes_and_directories_are_put_inside` |
//! | 29 | account files (CVE-2024-9676) | `rootfs::account_files_of_any_kind_keep_nobody_waiting`, `sys/accounts::a_directory_is_no_user_database` |
//! | 30 | a volume that changes while it is mounted on (CVE-2021-30465) | `rootfs::a_directory_that_becomes_a_link_meanwhile_leads_nowhere` |
//! | 31 | destinations with `..` | `rootfs::a_destination_goes_up_no_further_than_the_root` |
//! | 32 | mounts over ours, propagation | `rootfs::mounts_are_neither_covered_nor_passed_on`, `isolation::what_harms_the_host_is_denied` |
//! | local | directories and archives | `transports::a_directory_follows_no_link`, `transports::what_is_no_file_keeps_nobody_waiting`, `transports::a_member_of_an_archive_is_in_it`, `transports::a_member_that_is_there_twice_is_not_chosen_from`, `transports::an_archive_that_is_a_bomb_is_refused`, `transports::headers_of_an_archive_are_bounded`, `image/archive::members_are_counted` |

mod documents;
mod layers;
mod registries;
mod rootfs;
mod transports;
mod yard;

use crate::{
    require,
    support::{Compression, Dir, Image, Layer, Test, user_namespaces},
};

#[test]
fn later_layers_hide_earlier_ones() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("layout");
    let first = Layer::new()
        .dir("a/", 0o755)
        .file("a/gone", 0o644, "")
        .file("a/kept", 0o644, "")
        .dir("b/", 0o755)
        .file("b/gone", 0o644, "")
        .file("c", 0o644, "a file\n");
    let second = Layer::new()
        .file("a/.wh.gone", 0o644, "")
        .dir("b/", 0o755)
        .file("b/.wh..wh..opq", 0o644, "")
        .file("b/new", 0o644, "")
        .file(".wh.c", 0o644, "")
        .dir("c/", 0o755)
        .file("c/inside", 0o644, "");
    let image = Image::busybox()
        .layer(first, Compression::Gzip)
        .layer(second, Compression::Zstd)
        .write_layout(dir.path());
    Test::sandbox(&["run", &image, "ls", "/a", "/b", "/c"])
        .stdout("/a:\nkept\n\n/b:\nnew\n\n/c:\ninside\n")
        .check();
}
